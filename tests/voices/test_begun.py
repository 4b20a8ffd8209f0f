"""A voice that was begun with other options: the sentence names options, and what it advises works."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import glmtts
from glmtts.bundle import Bundle
from glmtts.cli import app
from glmtts.errors import ConfigError, TrainingError, VoiceError
from glmtts.training.config import OtherValuesError
from glmtts.voices import sentences
from glmtts.voices.checks import Report
from glmtts.voices.pack import check_output
from glmtts.voices.recipe import VoiceTraining
from glmtts.voices.sentences import said_of_options
from glmtts.voices.train import train_all
from tests.voices.made import random_voice
from tests.voices.test_unlucky import QUICK, bundle, folder, report

__all__ = ["bundle", "folder", "report"]  # fixtures
pytestmark = pytest.mark.long


def trained(report: Report, work: Path, bundle: Bundle, **how: Any) -> bool:
    settings = VoiceTraining.parse({**QUICK, **how})
    return train_all(report, work, bundle, settings, lambda line: None, ("lm",)) is not None


def test_the_options_that_differ_are_named(report: Report, bundle: Bundle, tmp_path: Path) -> None:
    work = tmp_path / "work"
    assert trained(report, work, bundle)
    moved = Bundle.open(shutil.copytree(bundle.folder, tmp_path / "moved"))
    for how, options in (
        ({"learning_rates": {"lm": 1e-5}}, "--learning-rate"),
        ({"share": 0.3}, "--share or --method"),
        ({"seed": 3}, "--seed"),
        ({"patience": 9}, "--patience"),
        ({"batch_seconds": 7}, "data.batch_seconds"),  # none of the command's
    ):
        with pytest.raises(VoiceError, match=rf"lm was begun with another {options}\. .* another --work, or remove"):
            trained(report, work, bundle, **how)
    with pytest.raises(VoiceError, match=r"another --model\. "):
        trained(report, work, moved)
    with pytest.raises(VoiceError, match=r"another --method, --share or --method, --learning-rate|--share or --method"):
        trained(report, work, bundle, method="full")
    assert trained(report, work, bundle)  # as it was begun
    assert trained(report, tmp_path / "other", bundle, learning_rates={"lm": 1e-5})  # what the sentence advises
    shutil.rmtree(work)
    assert trained(report, work, bundle, seed=3)


def test_the_engine_speaks_of_options(report: Report, bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "lm").touch()
    with pytest.raises(TrainingError, match=r"lm cannot be written: .* choose another --work\."):
        trained(report, tmp_path, bundle)
    for words in sentences.WORDS:
        with pytest.raises(TrainingError, match="another --work") as error, said_of_options():
            raise TrainingError(f"It is so. {words}.")
        assert "run" not in str(error.value)
    with pytest.raises(VoiceError, match="begun with another options"), said_of_options():
        raise OtherValuesError("It is so", tmp_path)


def test_advice_for_a_voice_that_no_epoch_served_is_not_refused_next(
    report: Report, bundle: Bundle, tmp_path: Path
) -> None:
    with pytest.raises(VoiceError, match=r"train anew, in another --work, with a lower --learning-rate"):
        trained(report, tmp_path, bundle, lengths=(0.0, 1e-9))


def test_an_output_that_is_a_folder_is_told_before_training(tmp_path: Path) -> None:
    (tmp_path / "a.glmvoice").mkdir()
    given = [str(tmp_path), "-o", str(tmp_path / "a.glmvoice"), "--consent", "A.", "--work", str(tmp_path / "work")]
    result = CliRunner().invoke(app, ["voice", "train", *given])
    assert isinstance(result.exception, ConfigError) and "which is a folder" in str(result.exception)
    assert not (tmp_path / "work").exists()


def test_the_folder_of_an_output_is_made(tmp_path: Path) -> None:
    check_output(tmp_path / "new" / "folder" / "a.glmvoice")
    assert not any((tmp_path / "new" / "folder").iterdir())


def test_a_voice_that_cannot_be_written_leaves_nothing(tiny_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.glmvoice" / "own").mkdir(parents=True)
    with pytest.raises(VoiceError, match=r"a\.glmvoice cannot be written"):
        random_voice(tmp_path / "a.glmvoice", glmtts.load(tiny_folder))
    assert [path.name for path in tmp_path.iterdir()] == ["a.glmvoice"]
