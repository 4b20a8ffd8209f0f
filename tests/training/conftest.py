"""Tiny made-up speech for the runs of these tests."""

from pathlib import Path

import pytest
import torch

import glmtts.tasks  # noqa: F401, registers the stages
from tests.training.made_up import write_speech


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `write_speech`."""
    return write_speech(tmp_path_factory.mktemp("speech"))


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Sums in a fixed order, and no fight over cores."""
    torch.set_num_threads(1)
