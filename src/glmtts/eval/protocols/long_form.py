"""Long form: does the voice, the loudness or the rate of speech drift while a long text is read in one call?

The recording is cut into windows of thirty seconds. Similarity is that of Resemblyzer between the first window and each
later one, loudness that of ITU-R BS.1770 (LUFS; pauses do not count), rate the words (Mandarin: characters)
that a recogniser with word times hears in a second. Drift is the last quarter of the windows against the first.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Any

import numpy as np

from glmtts import asr
from glmtts.audio.loudness import integrated_loudness
from glmtts.eval.columns import ValueColumn
from glmtts.eval.error_rates import simplified
from glmtts.eval.items import EvalList, Item
from glmtts.eval.long_text import long_text
from glmtts.eval.protocols.base import Protocol, Settings
from glmtts.eval.runner import Row
from glmtts.eval.scorers import Clip
from glmtts.eval.stages import Stage, about_recognisers, failing, recogniser_of, scorer_of
from glmtts.eval.units import PUBLISHED, SPOKEN
from glmtts.eval.utterance import Utterance
from glmtts.eval.work import Done, Work

WINDOW = 30  # seconds
MINUTES = 10.0
SIMILARITY = "speaker_resemblyzer"


@dataclass(frozen=True)
class Windows:
    """Measure windows of a recording; without rate and transcript in a language that has no recogniser."""

    names: Mapping[str, str]
    device: str = "cpu"
    name: str = "windows"

    def about(self) -> dict[str, Any]:
        """Window, recognisers and scorer."""
        return about_recognisers(self.names, self.device) | {"window_seconds": WINDOW, "similarity": SIMILARITY}

    def load(self, languages: Collection[str]) -> None:
        """Load the scorer of similarity, and the recognisers of these languages.

        Raises:
            AsrError: one cannot be loaded, or does not hear its language.
            EvaluationError: the scorer is not installed.
        """
        scorer_of(SIMILARITY)
        for language in sorted(self.names.keys() & set(languages)):
            # of no recordings: it only says whether the recogniser hears the language
            recogniser_of(self.names[language], self.device, word_times=True).transcribe([], language)

    def work(self, utterances: Sequence[Utterance]) -> Work:
        """Measure the recordings of lines."""
        asked = [
            (one.item.id, one.item.language, one.samples(asr.SAMPLE_RATE))
            for one in utterances
            if one.audio is not None
        ]
        return partial(_measure, dict(self.names), self.device, asked)

    def take(self, utterance: Utterance, record: dict[str, Any]) -> None:
        """Windows, what drifts between the first and the last of them, and the whole transcript."""
        windows = record["windows"]
        utterance.details["windows"], utterance.hypothesis = windows, record["hypothesis"]
        quarter = max(1, len(windows) // 4)
        for key in ("similarity", "loudness", "rate"):
            values = [window[key] for window in windows if window[key] is not None]
            if len(values) > 1:
                utterance.scores[f"{key}_drift"] = fmean(values[-quarter:]) - fmean(values[:quarter])
                utterance.scores[f"{key}_mean"] = fmean(values)


def _measure(names: dict[str, str], device: str, asked: Sequence[tuple[str, str, np.ndarray]]) -> Done:
    records = []
    for name, language, wave in asked:
        text, times = None, list[float]()
        if language in names:
            with failing(names[language], [name]):
                text, times = _heard(names[language], device, wave, language)
        records.append({"id": name, "hypothesis": text, "windows": windows_of(wave, times, language)})
    return Done(records)


def _heard(recogniser: str, device: str, wave: np.ndarray, language: str) -> tuple[str, list[float]]:
    """The transcript of 16 kHz samples, and the starts of its words."""
    (transcript,) = recogniser_of(recogniser, device, word_times=True).transcribe([wave], language)
    text = simplified(transcript.text) if language == "zh" else transcript.text.strip()
    # the rate of Mandarin is that of characters, of which a recogniser's word may have several
    return text, [word.start for word in transcript.words for _ in range(_units(word.text, language))]


def windows_of(wave: np.ndarray, times: Sequence[float], language: str) -> list[dict[str, float | None]]:
    """What is measured of each window of 16 kHz samples; `times` are the starts of its words."""
    size = WINDOW * asr.SAMPLE_RATE
    # a last window of less than half the size is left out; a recording shorter than that is one window
    parts = [wave[start : start + size] for start in range(0, max(1, len(wave) - size // 2), size)]
    clips = [Clip(str(number), part, asr.SAMPLE_RATE, "", language) for number, part in enumerate(parts)]
    first = clips[0]
    scorer = scorer_of(SIMILARITY)
    key = scorer.columns[0]
    prompted = [Clip(clip.id, clip.wave, clip.sample_rate, "", language, prompt=first) for clip in clips[1:]]
    similarity = [None, *(score[key] for score in scorer.score(prompted))]
    found = []
    for number, part in enumerate(parts):
        seconds = len(part) / asr.SAMPLE_RATE
        words = sum(WINDOW * number <= time < WINDOW * number + seconds for time in times)
        rate = words / seconds if times else None
        level = integrated_loudness(part, asr.SAMPLE_RATE)
        # silence has −inf LUFS, which neither JSON nor a mean takes
        loudness = level if math.isfinite(level) else None
        found.append({"similarity": similarity[number], "loudness": loudness, "rate": rate})
    return found


def _units(word: str, language: str) -> int:
    return len(word.strip()) if language == "zh" else 1


def _made(settings: Settings) -> list[EvalList]:
    minutes = MINUTES if settings.lines is None else float(settings.lines)
    return [
        EvalList(f"long-{language}", (Item(f"long_{language}", long_text(language, minutes), language),))
        for language in ("en", "zh")
    ]


def _stages(settings: Settings) -> list[Stage]:
    return [Windows(settings.recognisers, settings.device)]


def _course(rows: Sequence[Row]) -> dict[str, Any]:
    lines = []
    for row in rows:
        for one in row.utterances:
            for number, window in enumerate(one.details.get("windows", ())):
                figures = ["–" if value is None else round(value, 3) for value in window.values()]
                lines.append([row.lines.name, row.system.label, number * WINDOW, *figures])
    heads = ["list", "system", "from second", "similarity to the first", "LUFS", "words a second"]
    return {"Course": {"heads": heads, "rows": lines}} if lines else {}


def _score(key: str, title: str, better: str = "") -> ValueColumn:
    return ValueColumn(key, title, lambda one: one.scores.get(key), better)


PROTOCOL = Protocol(
    name="long-form",
    title="Long form",
    source="One text of about ten minutes a language (--lines: minutes), spoken in one call; drift is the last quarter "
    "of the windows less the first.",
    columns=(
        *PUBLISHED,
        *SPOKEN,
        _score("similarity_mean", "similarity to the first window", "higher"),
        _score("similarity_drift", "drift of similarity"),
        _score("loudness_drift", "drift of loudness, LU"),
        _score("rate_mean", "words a second"),
        _score("rate_drift", "drift of words a second"),
    ),
    recognisers={"en": "whisper-base", "zh": "whisper-base"},
    recognition=None,  # the windows need the times of words
    made=_made,
    stages=_stages,
    extra=_course,
)
