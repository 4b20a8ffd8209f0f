"""Features that are no numbers: the utterance is named and left out, and no step is lost for it."""

import csv
import logging
from pathlib import Path

import numpy as np
import pytest

from glmtts.data import ShardWriter, Utterance
from glmtts.errors import DataError
from glmtts.training.registry import create_task
from tests.tiny import tiny_tokenizer
from tests.training.made_up import CODES, SPECS, WIDTH, run_of
from tests.training.runs import train

WRONG = {"flow": ("mel", np.nan), "speech_tokenizer": ("hidden", np.inf), "vocos_harmonic": ("f0", np.nan)}


def speech_with(folder: Path, feature: str, value: float, wrong: int, utterances: int = 12) -> Path:
    """Speech of which the first `wrong` utterances hold a value that is no number; ids 0 to 11 are none held out."""
    (folder / "text").mkdir(parents=True)
    tiny_tokenizer().save(folder / "text")
    rng, frames = np.random.default_rng(0), 40
    with ShardWriter(folder / "speech", SPECS, provenance="made up") as writer:
        for number in range(utterances):
            features = {
                "tokens": rng.integers(CODES, size=frames // 2).astype(np.int32),
                "alignment": np.zeros(frames // 2, np.int32),
                "mel": rng.normal(-5, 2, (frames, 80)).astype(np.float16),
                "f0": rng.uniform(100, 200, frames).astype(np.float32),
                "hidden": rng.normal(size=(frames, WIDTH)).astype(np.float16),
                "wave": rng.integers(-999, 999, frames * 480).astype(np.int16),
                "speaker": rng.normal(size=192).astype(np.float32),
            }
            if number < wrong:
                features[feature].flat[7] = value
            writer.add(Utterance(f"u{number}", "Hello there.", "en", "s", frames / 50), features)
    return folder


@pytest.mark.parametrize("task", WRONG)
def test_an_utterance_is_named_once_and_costs_no_step(
    task: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    feature, value = WRONG[task]
    config = run_of(
        task, speech_with(tmp_path, feature, value, 1), tmp_path / "run", log={"every": 1, "evaluate_every": None}
    )
    with caplog.at_level(logging.WARNING, "glmtts.data.finite"):
        train(config)
    (said,) = [record.getMessage() for record in caplog.records if record.name == "glmtts.data.finite"]
    assert said.startswith("Utterance 'u0' is left out: 1 of ") and f"feature '{feature}'" in said
    with (tmp_path / "run" / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8 and {float(row["skipped"]) for row in rows} == {0.0}


@pytest.mark.parametrize("task", WRONG)
def test_data_without_a_number_are_refused(task: str, tmp_path: Path) -> None:
    source = create_task(run_of(task, speech_with(tmp_path, *WRONG[task], 3, 3), tmp_path / "run")).source()
    with pytest.raises(DataError, match="no utterance can be used in a whole epoch"):
        source.batch(0)
