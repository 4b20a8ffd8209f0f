"""Clips that are too short or too long to train on are dropped."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

from pydantic import Field, model_validator

from glmtts.config import StrictConfig, check_order
from glmtts.data.manifest import FeatureSpec
from glmtts.data.pipeline.clips import Clip
from glmtts.data.pipeline.stage import Result, drop, keep


class LengthConfig(StrictConfig):
    """Bounds in seconds; the report caps clips of one speaker at 40 s (section 2.1)."""

    min_seconds: float = Field(default=0.5, ge=0)
    max_seconds: float = Field(default=40.0, gt=0)

    @model_validator(mode="after")
    def _some_length_is_kept(self) -> Self:
        check_order("min_seconds", self.min_seconds, "max_seconds", self.max_seconds)
        return self


class LengthStage:
    """Keeps clips whose length lies between the bounds."""

    name: ClassVar[str] = "length"
    config_class: ClassVar[type[StrictConfig]] = LengthConfig

    def __init__(self, config: LengthConfig, device: str = "cpu") -> None:
        self.config = config

    @property
    def features(self) -> Mapping[str, FeatureSpec]:
        """None."""
        return {}

    def process(self, clips: Sequence[Clip]) -> list[Result]:
        """Drop clips that are too short or too long."""
        return [self._decided(clip) for clip in clips]

    def _decided(self, clip: Clip) -> Result:
        if clip.seconds < self.config.min_seconds:
            return drop(clip, "too short")
        return drop(clip, "too long") if clip.seconds > self.config.max_seconds else keep(clip)
