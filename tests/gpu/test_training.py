"""Training on a GPU: bf16, fused optimizer, a second network; the losses are those of the CPU."""

from pathlib import Path

import pytest
import torch

import glmtts.tasks  # noqa: F401, registers the stages
from glmtts.training.engine import Engine
from glmtts.training.logs import read_rows
from glmtts.training.registry import create_task
from tests.training.made_up import SIZES, run_of, write_speech


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_speech(tmp_path_factory.mktemp("speech"))


@pytest.mark.parametrize("task", SIZES)
def test_every_stage_trains_in_bf16(task: str, speech: Path, tmp_path: Path) -> None:
    config = run_of(
        task, speech, tmp_path / "run", run={"precision": "bf16"}, log={"every": 1}, distributed={"workers": 2}
    )
    Engine(create_task(config)).fit()
    rows = read_rows(tmp_path / "run" / "log.csv")
    assert len(rows) == 8
    assert float(rows[-1]["skipped"]) == 0
    assert float(rows[-1]["loss"]) < 1.5 * float(rows[0]["loss"])


def test_a_step_reads_nothing_back(speech: Path, tmp_path: Path) -> None:
    """Once the first step has built what it needs, the language model's steps never wait for the GPU."""
    engine = Engine(create_task(run_of("lm", speech, tmp_path / "run")))
    batches = engine._batches()
    engine._train_step(batches)
    torch.cuda.set_sync_debug_mode("error")
    try:
        engine._train_step(batches)
    finally:
        torch.cuda.set_sync_debug_mode("default")
