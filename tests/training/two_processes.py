"""Run by test_two_processes.py: two processes, with the environment that `accelerate launch` and `torchrun` set."""

import multiprocessing
import os
import socket
import sys
from multiprocessing.connection import wait
from pathlib import Path

import glmtts.tasks  # noqa: F401, registers the stages
from tests.training.runs import train
from tests.training.test_two_processes import HALF, STEPS, run_of_some_steps


def train_all(rank: int, port: int, speech: Path, out: Path) -> None:
    """Every stage under both strategies, and runs that one process began."""
    group = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in group.items()}, MASTER_ADDR="127.0.0.1")
    for strategy in ("ddp", "fsdp"):
        for task in STEPS:
            train(run_of_some_steps(task, strategy, speech, out))
        for task in HALF:
            train(run_of_some_steps(task, strategy, speech, out, "one_then_two"))


def main(speech: Path, out: Path) -> None:
    """Fork where forks are safe, so that both share the seconds of the imports; end both where one fails."""
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = [context.Process(target=train_all, args=(rank, port, speech, out)) for rank in range(2)]
    for process in processes:
        process.start()
    while running := [process for process in processes if process.exitcode is None]:
        wait([process.sentinel for process in running])
        if any(process.exitcode for process in processes):
            for process in running:
                process.kill()
    sys.exit(max(abs(process.exitcode or 0) for process in processes))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
