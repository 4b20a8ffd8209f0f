"""Coarse segmentation (report section 2.1): silence is dropped, and speech joined into clips of about ten minutes."""

from typing import ClassVar

from pydantic import Field

from glmtts.config import StrictConfig
from glmtts.data.pipeline.clips import Clip, join
from glmtts.data.pipeline.stage import Result, split
from glmtts.data.pipeline.stages.per_clip import PerClip, wave_at
from glmtts.data.pipeline.stages.voice_activity import (
    SAMPLE_RATE,
    VadSettings,
    bridged,
    voice_activity,
    widened,
)


class VadConfig(StrictConfig):
    """What is silence, in seconds.

    Pauses up to `keep_pause` stay, with the rhythm of speech: punctuation is set by them later. A longer one is dropped
    but for `margin` on either side. `clip_seconds` bounds what is joined (report: about 10 minutes).
    """

    detection: VadSettings = VadSettings()
    keep_pause: float = Field(default=1.0, ge=0)
    margin: float = Field(default=0.2, ge=0)  # the joint of two sentences then sounds like a pause
    clip_seconds: float = Field(default=600.0, gt=0)


class VadStage(PerClip):
    """Drops silence. A clip of what is kept knows its spans, and so the way back to source time."""

    name: ClassVar[str] = "vad"
    config_class: ClassVar[type[StrictConfig]] = VadConfig

    def __init__(self, config: VadConfig, device: str = "cpu") -> None:
        super().__init__(config, device)
        self._detect = voice_activity(config.detection)

    def one(self, clip: Clip) -> Result:
        """Speech of the clip, joined."""
        # bridged first: margins must not make a long pause short enough to stay
        found = bridged(self._detect(wave_at(clip, SAMPLE_RATE)), self.config.keep_pause)
        spoken = widened(found, self.config.margin, clip.seconds)
        ranges = [(round(a * clip.sample_rate), min(clip.samples, round(b * clip.sample_rate))) for a, b in spoken]
        result = split(clip, ranges, "no speech")
        return Result(joined(result.kept, self.config.clip_seconds), result.dropped)


def joined(clips: tuple[Clip, ...], longest: float) -> tuple[Clip, ...]:
    """Clips of one source joined, in order, while a sum stays within `longest` seconds; one longer stays alone."""
    groups: list[list[Clip]] = []
    for clip in clips:
        if groups and sum(one.seconds for one in groups[-1]) + clip.seconds <= longest:
            groups[-1].append(clip)
        else:
            groups.append([clip])
    return tuple(join(group) for group in groups)
