"""Punctuation by pauses (report section 2.1): a mark where the voice pauses long enough, and none elsewhere."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from glmtts.config import StrictConfig
from glmtts.data.pipeline.clips import Clip
from glmtts.data.pipeline.stage import Result, keep
from glmtts.data.pipeline.stages.per_clip import PerClip, wave_at
from glmtts.data.pipeline.stages.token_reader import SAMPLE_RATE, TimedUnit, TokenReader
from glmtts.text.normalise import normalise

COMMA = {"zh": "，", "en": ","}
STOP = {"zh": "。", "en": "."}
LEVEL_SECONDS = 0.01  # a choice
QUIET_DB, NOISE_DB = 30.0, 6.0  # below the loud frames, or above the quietest ones where noise fills the pauses


class PunctuateConfig(StrictConfig):
    """The threshold on the interval between two characters: mean + `factor` × spread of the characters' durations.

    The report writes the variance, which has a unit: durations in frames of `frame_seconds` give another threshold
    than those in seconds. With `spread = "std"` the unit does not matter. CTC marks the middle of a sound rather than
    its length, so an interval counts only if it holds `min_silence` seconds of silence; 0 is the report's rule alone.
    """

    spread: Literal["variance", "std"] = "variance"
    factor: float = Field(default=2.6, ge=0)  # the report's (section 2.1)
    # in seconds the variance is below 0.001 and adds nothing: every fourth interval would be a mark
    frame_seconds: float = Field(default=0.02, gt=0)
    # CTC marks the middle of a sound, so that long English words leave intervals; 0 is the report's rule alone
    min_silence: float = Field(default=0.1, ge=0)
    bundle: Path | None = None


class PunctuateStage(PerClip):
    """Rewrites the label `text`; nothing is dropped. A text that cannot be aligned keeps its marks."""

    name: ClassVar[str] = "punctuate"
    config_class: ClassVar[type[StrictConfig]] = PunctuateConfig

    def __init__(self, config: PunctuateConfig, device: str = "cpu") -> None:
        super().__init__(config, device)
        self._reader = TokenReader(config.bundle, device)

    def one(self, clip: Clip) -> Result:
        """The clip with other punctuation."""
        text, language = clip.label("text"), clip.label("language", "en")
        spoken = normalise(text, language)
        wave = wave_at(clip, SAMPLE_RATE)
        timed = self._reader.aligned(self._reader.log_probs(wave), spoken)
        if not timed:
            return keep(clip.with_labels(punctuated=False))
        made = punctuated(spoken, timed, silences(wave, timed), language, self.config)
        return keep(clip.with_labels(text=made, punctuated=True))


def character_durations(timed: Sequence[TimedUnit]) -> list[float]:
    """How long each character is pronounced, in seconds; the letters of an English word share its time."""
    return [(one.end - one.start) / len(one.unit.text) for one in timed for _ in one.unit.text]


def pause_threshold(durations: Sequence[float], config: PunctuateConfig) -> float:
    """The interval in seconds from which on a pause is a mark, of character durations in seconds."""
    frames = np.array(durations) / config.frame_seconds
    spread = frames.std() if config.spread == "std" else frames.var()
    return float((frames.mean() + config.factor * spread) * config.frame_seconds)


def silences(wave: np.ndarray, timed: Sequence[TimedUnit]) -> list[float]:
    """The longest silence in seconds between each unit's begin and the next one's end, of 16 kHz samples (T,)."""
    size = int(SAMPLE_RATE * LEVEL_SECONDS)
    frames = wave[: len(wave) // size * size].reshape(-1, size).astype(np.float64)
    level_F = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-10)  # digital silence is −100 dB
    if not len(level_F):
        return [0.0] * max(0, len(timed) - 1)
    quiet_F = level_F < max(np.percentile(level_F, 95) - QUIET_DB, np.percentile(level_F, 5) + NOISE_DB)
    found = []
    for one, after in pairwise(timed):
        # from the begin of one to the end of the next, as CTC marks the middles of sounds
        inside = quiet_F[int(one.start / LEVEL_SECONDS) : int(np.ceil(after.end / LEVEL_SECONDS))]
        edges = np.flatnonzero(np.diff(np.concatenate([[0], inside.astype(np.int8), [0]])))
        found.append(float(np.diff(edges.reshape(-1, 2), axis=1).max(initial=0)) * LEVEL_SECONDS)
    return found


def is_pause(one: TimedUnit, after: TimedUnit, silence: float, threshold: float, config: PunctuateConfig) -> bool:
    """Whether a mark belongs between two units."""
    return after.start - one.end > threshold and silence >= config.min_silence


def punctuated(
    text: str, timed: Sequence[TimedUnit], quiet: Sequence[float], language: str, config: PunctuateConfig
) -> str:
    """The text with a mark after each unit that a pause follows, its own where it has one, and with none elsewhere.

    `quiet` is the silence after each unit but the last, in seconds. The end keeps its mark, or gets a full stop.
    """
    threshold = pause_threshold(character_durations(timed), config)
    made, at = "", 0
    for number, one in enumerate(timed):
        last = number == len(timed) - 1
        between = text[at : one.unit.start]
        made += (" " if " " in between and made else "") if number else between
        made += text[one.unit.start : one.unit.end]
        at = one.unit.end
        if last:
            made += one.unit.mark or STOP.get(language, ".")
        elif is_pause(one, timed[number + 1], quiet[number], threshold, config):
            made += one.unit.mark or COMMA.get(language, ",")
    return made
