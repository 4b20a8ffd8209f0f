"""The micro-batches that training reads, made in other processes."""

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glmtts.data import UtteranceRef
from glmtts.data.section import BatchSource, DataSection, draws
from glmtts.errors import ConfigError, TrainingError
from glmtts.training.loader import micro_batches, shares
from tests.data.made_up import write


def source_of(folder: Path, seed: int = 0) -> BatchSource:
    """Batches of the frames of utterances, with a draw of each."""
    section = DataSection.parse({"sources": [{"path": str(folder)}], "batch_seconds": 15})
    dataset = section.open("mel")

    def make(number: int, refs: list[UtteranceRef]) -> list[tuple[str, float, float]] | None:
        rng = draws(seed, number)
        items = [dataset.load(ref) for ref in refs]
        rows = [(one.utterance.id, float(one.features["mel"][:, 1].mean()), rng.random()) for one in items]
        return rows if number % 5 else None  # such as a batch without a readable transcript

    return section.batches(dataset, seed, make)


def taken(source: BatchSource, first: int, workers: int, count: int = 12) -> list[tuple[int, Any]]:
    return list(islice(micro_batches(source, shares(first, 2, 0, 1), workers, pin=False), count))


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    return write(tmp_path / "speech", np.random.default_rng(0).uniform(1, 6, 200).round(2).tolist())


def test_workers_change_nothing(speech: Path) -> None:
    alone = taken(source_of(speech), 3, 0)
    assert [number for number, _ in alone] == list(range(3, 15))
    assert taken(source_of(speech), 3, 1) == alone
    assert taken(source_of(speech), 3, 2) == alone
    assert alone[2][1] == alone[3][1]  # 5 gives nothing, so 6 stands in
    assert all(name == f"u{round(mean)}" for _, rows in alone for name, mean, _ in rows)


def test_a_resumed_source_goes_on(speech: Path) -> None:
    running = source_of(speech)
    wanted = taken(running, 70, 0)
    resumed = source_of(speech)
    resumed.seek(running.place(70))
    assert taken(resumed, 70, 2) == wanted
    write(speech, [3.0])
    with pytest.raises(TrainingError, match="not those of the checkpoint"):
        source_of(speech).seek(running.place(70))


def test_no_source_says_what_to_give() -> None:
    with pytest.raises(ConfigError, match="nothing to train on"):
        DataSection().open("mel")
