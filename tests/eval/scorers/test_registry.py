"""Scorers by name, and clips."""

from importlib.metadata import EntryPoint

import numpy as np
import pytest

from glmtts.errors import EvaluationError
from glmtts.eval import scorers
from glmtts.eval.scorers import Clip


class Repeated:
    """Takes a number of each kind."""

    name, columns, stand_in_for = "repeated", ("value",), None
    higher_is_better: dict[str, bool] = {}

    def __init__(self, times: int = 1, share: float = 0.5, loud: bool = False) -> None:
        if times < 1:
            raise TypeError("an argument of a part of it is wrong")


class Length:
    """Seconds of audio."""

    name, columns, stand_in_for = "length", ("seconds",), None
    higher_is_better: dict[str, bool] = {}

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def score(self, clips: list[Clip]) -> list[scorers.Score]:
        return [{"seconds": self.scale * clip.seconds} for clip in clips]


def clip(seconds: float = 0.5) -> Clip:
    return Clip("a", np.zeros(int(seconds * 24000), np.float32), 24000, "Hello.", "en")


def test_a_registered_scorer_is_loaded_with_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scorers, "_registered", {})
    scorers.register("length", f"{__name__}:Length")
    assert scorers.load("length", scale=2).score([clip()]) == [{"seconds": 1.0}]
    with pytest.raises(EvaluationError, match=r"'length' got an unexpected keyword argument 'speed'"):
        scorers.load("length", speed=2)


def test_options_of_another_kind_are_told_and_an_error_inside_is_not_taken_for_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scorers, "_registered", {"repeated": f"{__name__}:Repeated"})
    assert scorers.load("repeated", times=4, share=1, loud=False).name == "repeated"
    for options, words in (
        ({"times": 4.5}, "takes a whole number as 'times', not '4.5'"),
        ({"share": "half"}, "takes a number as 'share', not 'half'"),
        ({"loud": "maybe"}, "takes true or false as 'loud'"),
        ({"times": True}, "takes a whole number as 'times', not 'True'"),
        ({"share": False}, "takes a number as 'share', not 'False'"),
        ({"loud": 0.5}, "takes true or false as 'loud', not '0.5'"),
    ):
        with pytest.raises(EvaluationError, match=words):
            scorers.load("repeated", **options)
    with pytest.raises(EvaluationError, match="cannot be loaded: TypeError: an argument of a part of it") as told:
        scorers.load("repeated", times=0)
    assert isinstance(told.value.__cause__, TypeError)


def test_a_plugin_is_loaded_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("length_plugin", f"{__name__}:Length", scorers.PLUGINS)
    monkeypatch.setattr(scorers, "entry_points", lambda group: [entry] if group == "glmtts.scorers" else [])
    assert "length_plugin" in scorers.names()
    assert scorers.load("length_plugin").columns == ("seconds",)


def test_an_unknown_scorer_is_told_with_those_known() -> None:
    with pytest.raises(EvaluationError, match=r"no scorer 'mos'.*dnsmos"):
        scorers.load("mos")


def test_a_clip_takes_mono_float32_only() -> None:
    for wave in (np.zeros((2, 10), np.float32), np.zeros(10)):
        with pytest.raises(EvaluationError, match="mono float32"):
            Clip("a", wave, 16000, "", "en")


def test_a_clip_with_samples_that_are_no_numbers_is_refused() -> None:
    with pytest.raises(EvaluationError, match="'a' holds samples that are not numbers"):
        Clip("a", np.array([0, np.nan], np.float32), 16000, "", "en")


def test_a_clip_is_resampled_to_the_rate_asked_for() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(24000) / 24000).astype(np.float32)
    at_16k = Clip("a", tone, 24000, "", "en").at(16000)
    wanted = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    assert at_16k.dtype == np.float32 and len(at_16k) == 16000
    assert np.abs(at_16k[400:-400] - wanted[400:-400]).max() < 1e-3
