"""A killed run that starts again ends with the weights of an unbroken one, to the bit, with every stage's real loss."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from glmtts.training import checkpoint
from glmtts.training.logs import read_rows
from tests.training.made_up import SIZES, run_of
from tests.training.runs import KilledError, assert_same, killed_at, train

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("task", SIZES)
def test_killed_and_resumed_is_unbroken(task: str, speech: Path, tmp_path: Path) -> None:
    """The kills fall between checkpoints; k-means, dead codes and the critic's first step fall between the kills."""
    train(run_of(task, speech, tmp_path / "whole"))
    broken = run_of(task, speech, tmp_path / "broken")
    for number in (11, 15):  # of 16 micro-batches in 8 steps; checkpoints are those of steps 4 and 8
        with pytest.raises(KilledError):
            train(broken, killed_at(number))
        assert checkpoint.latest(broken.run.out).name == "step-00000004"
    train(broken)
    assert_same(tmp_path / "whole", tmp_path / "broken")
    logs = [read_rows(tmp_path / name / "log.csv") for name in ("whole", "broken")]
    assert [row["step"] for row in logs[0]] == ["2", "4", "6", "8"]
    assert logs[0] == logs[1]


def test_a_process_that_is_really_killed(speech: Path, tmp_path: Path) -> None:
    """SIGKILL in the middle of a step of the adversarial task, with loader processes at work."""
    train(run_of("vocoder", speech, tmp_path / "whole"))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    broken = tmp_path / "broken"
    command = [sys.executable, "-W", "ignore", "-m", "tests.training.killed", str(speech), str(broken)]
    assert subprocess.run(command, env=environment, timeout=120).returncode == -signal.SIGKILL
    assert checkpoint.latest(broken).name == "step-00000004"
    train(run_of("vocoder", speech, broken, distributed={"workers": 2}))
    assert_same(tmp_path / "whole", tmp_path / "broken")


def test_a_killed_save_leaves_the_one_before(speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(run_of("flow", speech, tmp_path / "whole"))
    broken, written = run_of("flow", speech, tmp_path / "broken"), checkpoint.save_file
    saves: list[str] = []

    def fails(tensors: dict, path: Path, metadata: dict) -> None:
        saves.append(path.name)
        written(tensors, path, metadata)
        if len(saves) == 5:  # the second file of the second checkpoint
            raise KilledError

    monkeypatch.setattr(checkpoint, "save_file", fails)
    with pytest.raises(KilledError):
        train(broken)
    assert (broken.run.out / "checkpoints" / "step-00000008.part").is_dir()
    assert [path.name for path in checkpoint.checkpoints(broken.run.out)] == ["step-00000004"]
    train(broken)
    assert_same(tmp_path / "whole", tmp_path / "broken")
    assert not list((broken.run.out / "checkpoints").glob("*.part"))
