"""Recognition and scores: who listens to what, and whose errors a column shows."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from glmtts import asr
from glmtts.errors import EvaluationError
from glmtts.eval import protocols, scorers
from glmtts.eval.protocols.base import Settings
from glmtts.eval.results import Results
from glmtts.eval.runner import Run
from glmtts.eval.scorers import Clip
from glmtts.eval.stages import Recognition, Scoring, recogniser_of, scorer_of
from glmtts.eval.systems import SystemSpec
from glmtts.eval.workers import InProcess

pytest.importorskip("jiwer")
pytest.importorskip("zhon")

MINI = protocols.load("mini")


class Weighted:
    """A scorer of weights of one's own."""

    name, columns, stand_in_for = "weighted", ("weighted",), None
    higher_is_better: dict[str, bool] = {}  # noqa: RUF012

    def __init__(self, weights: str) -> None:
        self.value = float(Path(weights).read_text())

    def score(self, clips: list[Clip]) -> list[dict[str, float | None]]:
        return [{"weighted": self.value} for _ in clips]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Recognisers that hear nothing but their own name, and the languages that each was asked in."""
    found: list[str] = []

    class Named:
        def __init__(self, name: str) -> None:
            self.name = name

        def transcribe(self, waves: Sequence[np.ndarray], language: str | None) -> list[asr.Transcript]:
            found.extend(f"{self.name} {language}" for _ in waves)
            return [asr.Transcript(self.name, language or "") for _ in waves]

    for cache in (recogniser_of, scorer_of):
        cache.cache_clear()
    monkeypatch.setattr(asr, "load", lambda name, device, **options: Named(name))
    yield found
    for cache in (recogniser_of, scorer_of):
        cache.cache_clear()


def run(out: Path, lines: Path, recognisers: dict[str, str], *scorers: str) -> Results:
    """Recognise and score the recordings of the lines."""
    settings = Settings(lists=(str(lines),), recognisers=recognisers, scorers=scorers)
    return MINI.run([SystemSpec.parse("x=recordings")], settings, Run(out, InProcess()))


def test_a_scorer_reports_the_errors_of_its_own_recogniser(tmp_path: Path, lines: Path, asked: list[str]) -> None:
    names = {"en": "hello there", "zh": "none"}
    results = run(tmp_path, lines, names, "whisper_wer?model=hello there", "sensevoice_wer?model=good night")
    values = {one["text"]: one["values"] for one in results.utterances}
    assert values["Hello there."]["wer"] == values["Hello there."]["whisper_wer"] == 0
    assert values["Hello there."]["sensevoice_wer"] == 1 and values["Good night."]["sensevoice_wer"] == 0
    # the run's own recogniser is not asked twice; without one for Mandarin, both scorers listen themselves
    assert sorted(asked) == sorted(
        4 * ["hello there en"] + 2 * ["hello there zh"] + 4 * ["good night en"] + 2 * ["good night zh"]
    )


def test_a_transcript_is_shared_by_name_and_device_only(asked: list[str]) -> None:
    own = Scoring("whisper_wer?model=one", Recognition({"en": "one", "zh": "two"}))
    assert own.hears
    assert not Scoring("whisper_wer?model=three", Recognition({"en": "one", "zh": "two"})).hears
    assert not Scoring("whisper_wer?model=one", Recognition({"en": "one"}, "cuda")).hears
    assert not Scoring("whisper_wer?model=one").hears and not Scoring("level", Recognition({"en": "one"})).hears


def test_a_language_without_a_recogniser_has_no_error_rate(tmp_path: Path, lines: Path, asked: list[str]) -> None:
    deaf = run(tmp_path / "deaf", lines, {"en": "none", "zh": "none"}, "level")
    assert [column["key"] for column in deaf.columns] == ["length", "outside", "level"]
    assert deaf.tables[0]["missing"] == 1
    half = run(tmp_path / "half", lines, {"en": "one", "zh": "none"}, "level")
    assert "wer" in half.tables[0]["cells"] and not {"cer", "syllables"} & half.tables[0]["cells"].keys()
    assert asked == 4 * ["one en"]
    with pytest.raises(EvaluationError, match="No recogniser is named for 'zh'"):
        replace(MINI, recognisers={"en": "one"}).run(
            [SystemSpec.parse("x=recordings")], Settings((str(lines),), scorers=()), Run(tmp_path / "x", InProcess())
        )


def test_scores_by_other_weights_of_the_same_name_are_not_taken_over(tmp_path: Path, lines: Path) -> None:
    scorers.register("weighted", f"{__name__}:Weighted")
    places = [tmp_path / name / "weights.txt" for name in ("v1", "v2", "moved")]
    for place, value in zip(places, ("1", "2", "1"), strict=True):
        place.parent.mkdir()
        place.write_text(value)
    nobody, out = {"en": "none", "zh": "none"}, tmp_path / "out"
    first = run(out, lines, nobody, f"weighted?weights={places[0]}")
    with pytest.raises(EvaluationError, match="another system or setting"):
        run(out, lines, nobody, f"weighted?weights={places[1]}")
    assert run(out, lines, nobody, f"weighted?weights={places[2]}").tables == first.tables


@pytest.mark.parametrize(
    ("protocol", "answer", "said"),
    [
        ("mini", "raise", r"'whisper-base' failed on the lines 'line0' to 'line1': IndexError: out of range \(test_st"),
        ("mini", "one less", r"'whisper-base' failed on the lines 'line0' to 'line1': ValueError: zip"),
        ("long-form", "raise", r"'whisper-base' failed on the line 'line0': IndexError: out of range"),
    ],
)
def test_a_recogniser_that_fails_is_one_sentence_and_what_was_spoken_is_kept(
    tmp_path: Path, lines: Path, monkeypatch: pytest.MonkeyPatch, protocol: str, answer: str, said: str
) -> None:
    class Broken:
        def transcribe(self, waves: Sequence[np.ndarray], language: str | None) -> list[asr.Transcript]:
            if waves and answer == "raise":
                raise IndexError("out of range")
            return [asr.Transcript("", "")] * max(0, len(waves) - 1)

    if protocol == "long-form":
        pytest.importorskip("resemblyzer")
    recogniser_of.cache_clear()
    monkeypatch.setattr(asr, "load", lambda name, device, **options: Broken())
    settings = Settings(lists=(str(lines),), lines=3, scorers=())
    try:
        with pytest.raises(EvaluationError, match=said) as told:
            protocols.load(protocol).run([SystemSpec.parse("recordings")], settings, Run(tmp_path, InProcess()))
    finally:
        recogniser_of.cache_clear()
    assert "What was finished is kept" in str(told.value)
    assert len(list(tmp_path.rglob("speech/0000.json"))) == 1
