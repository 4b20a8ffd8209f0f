"""Punctuation by pauses (report section 2.1): a mark where the voice pauses long enough, and none elsewhere."""

from collections.abc import Sequence
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
FRAME_SECONDS = {"zh": 0.02, "en": 0.01}  # those that agree best with written marks (docs/pipeline_stages.md)


class PunctuateConfig(StrictConfig):
    """The threshold on the interval between two characters: mean + `factor` × spread of the characters' durations.

    The report writes the variance, which has a unit: durations in frames of `frame_seconds` give another threshold
    than those in seconds. None takes that of the language. With `spread = "std"` the unit does not matter.
    """

    spread: Literal["variance", "std"] = "variance"
    factor: float = Field(default=2.6, ge=0)
    frame_seconds: float | None = Field(default=None, gt=0)
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
        text, language = str(clip.labels.get("text", "")), str(clip.labels.get("language", "en"))
        spoken = normalise(text, language)
        timed = self._reader.aligned(self._reader.log_probs(wave_at(clip, SAMPLE_RATE)), spoken)
        if not timed:
            return keep(clip.with_labels(punctuated=False))
        return keep(clip.with_labels(text=punctuated(spoken, timed, language, self.config), punctuated=True))


def character_durations(timed: Sequence[TimedUnit]) -> list[float]:
    """How long each character is pronounced, in seconds; the letters of an English word share its time."""
    return [(one.end - one.start) / len(one.unit.text) for one in timed for _ in one.unit.text]


def pause_threshold(durations: Sequence[float], language: str, config: PunctuateConfig) -> float:
    """The interval in seconds from which on a pause is a mark, of character durations in seconds."""
    unit = config.frame_seconds or FRAME_SECONDS.get(language, 0.02)
    frames = np.array(durations) / unit
    spread = frames.std() if config.spread == "std" else frames.var()
    return float((frames.mean() + config.factor * spread) * unit)


def punctuated(text: str, timed: Sequence[TimedUnit], language: str, config: PunctuateConfig) -> str:
    """The text with a mark after each unit that a pause follows, its own where it has one, and with none elsewhere.

    The end keeps its mark, or gets a full stop.
    """
    longest = pause_threshold(character_durations(timed), language, config)
    made, at = "", 0
    for number, one in enumerate(timed):
        last = number == len(timed) - 1
        between = text[at : one.unit.start]
        made += (" " if " " in between and made else "") if number else between
        made += text[one.unit.start : one.unit.end]
        at = one.unit.end
        if last:
            made += one.unit.mark or STOP.get(language, ".")
        elif timed[number + 1].start - one.end > longest:
            made += one.unit.mark or COMMA.get(language, ",")
    return made
