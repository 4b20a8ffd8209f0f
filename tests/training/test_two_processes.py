"""Two processes (gloo) learn what one does, with DDP and with FSDP, and resume each other's checkpoints."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from glmtts.training import checkpoint
from glmtts.training.config import RunConfig
from glmtts.training.logs import read_rows
from tests.training.made_up import run_of
from tests.training.runs import furthest, tensors, train

ROOT = Path(__file__).parents[2]
BUNDLE = "tiny"
HALF = ("lm",)  # begun by one process and ended by two, and the other way round; also heard while it trains
# k-means, the dead codes and the critic begin at the third or fourth; `vocos` has the vocoder's engine and loss
STEPS = {"lm": 12, "flow": 4, "speech_tokenizer": 6, "vocoder": 5}
MIDDLE = STEPS["lm"] // 2
LOSS, WEIGHTS = 1e-3, 2e-3
pytestmark = pytest.mark.long


def run_of_some_steps(task: str, strategy: str, speech: Path, out: Path, name: str = "whole") -> RunConfig:
    """`STEPS` of a task, of which the middle one of those of `HALF` leaves a checkpoint."""
    sections: dict[str, dict[str, Any]] = {
        "optimizer": {"learning_rate": 1e-3},
        "schedule": {"steps": STEPS[task]},
        "run": {"save_every": MIDDLE},
        "distributed": {"strategy": strategy, "activation_checkpointing": True},
        "log": {"every": 1, "evaluate_every": MIDDLE},
    }
    if task in HALF:
        sections["log"] |= {"sample_every": MIDDLE, "sample_bundle": str(out / BUNDLE)}
    return run_of(task, speech, out / f"{task}-{strategy}-{name}", **sections)


def begin_from_the_middle(out: Path, whole: str, begun: str) -> None:
    """Make a run that was left at its middle step, of one that came to its end."""
    shutil.copytree(out / whole, out / begun)
    shutil.rmtree(checkpoint.latest(out / begun))
    assert checkpoint.latest(out / begun).name == f"step-{MIDDLE:08d}"


@pytest.fixture(scope="module")
def runs(speech: Path, tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all runs: of one process ("alone"), of two, and of both in turn."""
    out = tmp_path_factory.mktemp("runs")
    (out / BUNDLE).symlink_to(tiny_folder)
    for task in STEPS:
        train(run_of_some_steps(task, "none", speech, out))
    halves = [(task, strategy) for task in HALF for strategy in ("ddp", "fsdp")]
    for task, strategy in halves:
        begin_from_the_middle(out, f"{task}-none-whole", f"{task}-{strategy}-one_then_two")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    environment["PYTHONPATH"] = f"{ROOT / 'src'}:{ROOT}"
    command = [sys.executable, "-W", "ignore", "-m", "tests.training.two_processes", str(speech), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    for task, strategy in halves:
        begin_from_the_middle(out, f"{task}-{strategy}-whole", f"{task}-{strategy}-two_then_one")
        train(run_of_some_steps(task, strategy, speech, out, "two_then_one"))
    return out


def losses(run: Path) -> list[float]:
    return [float(row["loss"]) for row in read_rows(run / "log.csv")]


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
@pytest.mark.parametrize("task", STEPS)
def test_two_processes_learn_what_one_does(task: str, strategy: str, runs: Path) -> None:
    one, two = runs / f"{task}-none-whole", runs / f"{task}-{strategy}-whole"
    assert losses(two) == pytest.approx(losses(one), rel=LOSS)
    assert len(losses(two)) == STEPS[task]
    assert furthest(one, two) < WEIGHTS
    figures = [read_rows(run / "evaluation.csv")[-1] for run in (one, two)]
    assert figures[0].keys() == figures[1].keys()


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
@pytest.mark.parametrize("task", HALF)
@pytest.mark.parametrize("name", ["one_then_two", "two_then_one"])
def test_checkpoints_resume_on_another_number_of_processes(name: str, task: str, strategy: str, runs: Path) -> None:
    whole, broken = runs / f"{task}-none-whole", runs / f"{task}-{strategy}-{name}"
    assert losses(broken) == pytest.approx(losses(whole), rel=LOSS)
    assert furthest(whole, broken) < WEIGHTS


def test_fsdp_splits_what_it_saves(runs: Path) -> None:
    folder = checkpoint.latest(runs / "lm-fsdp-whole")
    for group in ("model", "ema", "optimizer"):
        sizes = [path.stat().st_size for path in sorted(folder.glob(f"{group}-*-of-00002.safetensors"))]
        assert len(sizes) == 2
        assert max(sizes) < 0.6 * sum(sizes), group
    assert tensors(folder.parents[1]).keys() == tensors(runs / "lm-none-whole").keys()


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_many_processes_are_heard_as_one(strategy: str, runs: Path) -> None:
    """Decoding calls single layers of a sharded model, on all processes alike; the first one writes."""
    alone, together = (
        sorted(path.name for path in (runs / f"lm-{kind}-whole" / "samples").glob("*.wav"))
        for kind in ("none", strategy)
    )
    assert alone == together
    assert alone == [f"{step:08d}_held_out_{line}.wav" for step in (MIDDLE, 2 * MIDDLE) for line in (0, 1)]
