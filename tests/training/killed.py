"""Run by test_resume.py in a process of its own, which kills itself in the middle of a step."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import glmtts.tasks  # noqa: F401, registers the stages
from glmtts.training.engine import Engine
from glmtts.training.task import Metrics
from glmtts.vocoder.train import Vocos2DTask
from tests.training.made_up import run_of


class Killed(Vocos2DTask):
    """Kills its process in the loss of a step, after the critic's own step."""

    at = 6

    def loss(self, model: nn.Module, batch: Any, step: int, critic: nn.Module | None = None) -> tuple[Tensor, Metrics]:
        if step == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().loss(model, batch, step, critic)


def main(speech: Path, out: Path) -> None:
    torch.set_num_threads(1)
    Engine(Killed(run_of("vocoder", speech, out, distributed={"workers": 2}))).fit()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
