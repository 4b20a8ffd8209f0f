"""A disk that is full while a run logs: one sentence, nothing torn, no traceback of a thread. A limit on the size of
files stands for it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glmtts.errors import TrainingError
from glmtts.training.board import Board
from glmtts.training.config import RunConfig
from glmtts.training.listening import Sound
from glmtts.training.logs import Logs

resource = pytest.importorskip("resource", reason="Windows limits no files")
NOISE = Sound(np.random.default_rng(0).uniform(-0.1, 0.1, 20_000).astype(np.float32), 24000)
SHORT = Sound(NOISE.samples[:100], 24000)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def logs_in(run: Path) -> Logs:
    values: dict[str, Any] = {"run": {"task": "toy", "out": run}, "schedule": {"steps": 1}}
    run.mkdir()
    return Logs(RunConfig.parse({**values, "log": {"tensorboard": False, "plot": False}}), 0)


def test_audio_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    logs = logs_in(tmp_path / "run")
    with files_of_at_most(4096), pytest.raises(TrainingError, match=r"run cannot be written: File too large\. Free"):
        logs.sounds(1, {"short": SHORT, "long": NOISE})
    assert [path.name for path in (tmp_path / "run" / "samples").iterdir()] == ["00000001_short.wav"]
    logs.sounds(1, {"long": NOISE})
    assert (tmp_path / "run" / "samples" / "00000001_long.wav").stat().st_size == 44 + 2 * len(NOISE.samples)


def test_tensorboard_says_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorboard")
    told: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda given: told.append(type(given.thread).__name__))
    board = Board(tmp_path, 0)
    with files_of_at_most(4096):
        with pytest.raises(TrainingError, match=r"cannot be written: File too large\. Free"):
            for step in range(100):
                board.sound(step, "noise", NOISE)
                board.scalars(step, {"loss": 1.0})
            board.close()
        for again in (board.close, lambda: board.scalars(101, {"loss": 1.0})):
            with pytest.raises(TrainingError, match="cannot be written"):
                again()
    assert told == []
    other = threading.Thread(target=lambda: 1 / 0)
    other.start()
    other.join()
    assert told == ["Thread"]  # those of others are told as before


def test_what_is_closed_is_closed_to_its_end(tmp_path: Path) -> None:
    """W&B's run ends also where TensorBoard's cannot be written."""
    logs, ended = logs_in(tmp_path / "run"), list[str]()

    class Full:
        def close(self) -> None:
            raise TrainingError("full")

    class Page:
        def finish(self) -> None:
            ended.append("page")

    logs._board, logs._wandb = Full(), Page()  # type: ignore[assignment]
    with pytest.raises(TrainingError, match="full"):
        logs.close()
    assert ended == ["page"]
