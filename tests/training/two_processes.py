"""Run by test_two_processes.py in two processes, as `accelerate launch` and `torchrun` start them."""

import sys
from pathlib import Path

import glmtts.tasks  # noqa: F401, registers the stages
from tests.training.runs import train
from tests.training.test_two_processes import HALF, STEPS, run_of_some_steps


def main(speech: Path, out: Path) -> None:
    """Every stage under both strategies, and runs that one process began."""
    for strategy in ("ddp", "fsdp"):
        for task in STEPS:
            train(run_of_some_steps(task, strategy, speech, out))
        for task in HALF:
            train(run_of_some_steps(task, strategy, speech, out, "one_then_two"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
