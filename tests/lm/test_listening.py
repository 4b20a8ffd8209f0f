"""Lines that a model in training says are no longer than it can read."""

from pathlib import Path

import pytest
import torch

import glmtts.tasks  # noqa: F401, registers the stages
from glmtts.lm.listening import said
from glmtts.lm.train import LanguageModelTask
from tests.training.made_up import run_of, write_speech


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_speech(tmp_path_factory.mktemp("speech"))


def test_lines_fit_into_the_model(speech: Path, tmp_path: Path) -> None:
    """As in training: what is too long behind a prompt stands without, and what is too long alone is left out."""
    whole = LanguageModelTask(run_of("lm", speech, tmp_path, data={"evaluated": 9}))._lines
    longest = max(line.batch.ids_BL.shape[1] for line in whole)
    for most in (longest - 1, longest // 2, 20):
        config = run_of("lm", speech, tmp_path, data={"evaluated": 9}, model={"max_positions": most})
        task = LanguageModelTask(config)
        assert all(line.batch.ids_BL.shape[1] <= most for line in task._lines)
        assert bool(task._lines) == (most > 20)
        torch.manual_seed(0)
        said(task.build().eval(), task.layout, [line.batch for line in task._lines])
