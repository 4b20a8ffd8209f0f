"""Stages of tests: one that cuts and drops in odd places, and one that gives features. No models, no state."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar
from zlib import crc32

import numpy as np

from glmtts.config import StrictConfig
from glmtts.data import FeatureSpec
from glmtts.data.pipeline import Clip, Dropped, Result, keep
from glmtts.errors import DataError


class PiecesConfig(StrictConfig):
    """Longest piece in samples, and every such-and-such piece is dropped."""

    longest: int = 7001
    every: int = 3


class PiecesStage:
    """Cuts clips into pieces of many lengths, and drops some of them for two reasons."""

    name: ClassVar[str] = "pieces"
    config_class: ClassVar[type[StrictConfig]] = PiecesConfig

    def __init__(self, config: PiecesConfig, device: str = "cpu") -> None:
        self.config = config

    @property
    def features(self) -> Mapping[str, FeatureSpec]:
        return {}

    def process(self, clips: Sequence[Clip]) -> list[Result]:
        return [self._cut(clip) for clip in clips]

    def _cut(self, clip: Clip) -> Result:
        kept, dropped, start = [], [], 0
        while start < clip.samples:
            lot = crc32(f"{clip.id}/{start}".encode())
            end = min(clip.samples, start + 1 + lot % self.config.longest)
            if lot % self.config.every:
                kept.append(
                    clip.cut(start, end).with_labels(speaker=f"{clip.source}-{lot % 2}", language="en", text="a")
                )
            else:
                reason = "odd" if lot % 2 else "even"
                dropped += [Dropped(span, reason, {"lot": lot}) for span in clip.spans_of(start, end)]
            start = end
        return Result(tuple(kept), tuple(dropped))


class LevelStage:
    """Gives two features: a vector, and frames at 100 Hz."""

    name: ClassVar[str] = "level"
    config_class: ClassVar[type[StrictConfig]] = StrictConfig

    def __init__(self, config: StrictConfig, device: str = "cpu") -> None:
        pass

    @property
    def features(self) -> Mapping[str, FeatureSpec]:
        return {"level": FeatureSpec(rate=None), "frames": FeatureSpec(rate=100, made_by="test")}

    def process(self, clips: Sequence[Clip]) -> list[Result]:
        return [keep(clip.with_features(level=_level(clip.wave), frames=clip.wave[::240].copy())) for clip in clips]


def _level(wave: np.ndarray) -> np.ndarray:
    return np.array([np.abs(wave).mean(), np.abs(wave).max()], dtype=np.float32)


class LosingStage(LevelStage):
    """Forgets the last sample of each clip."""

    name: ClassVar[str] = "losing"

    def process(self, clips: Sequence[Clip]) -> list[Result]:
        return [Result(kept=(clip.cut(0, clip.samples - 1),)) for clip in clips]


class WaitingConfig(StrictConfig):
    """`begun` appears when clips come; the stage goes on when `go` is there."""

    begun: Path
    go: Path


class WaitingStage(LevelStage):
    """Works when it is told to."""

    name: ClassVar[str] = "waiting"
    config_class: ClassVar[type[StrictConfig]] = WaitingConfig

    def __init__(self, config: WaitingConfig, device: str = "cpu") -> None:
        self.config = config

    def process(self, clips: Sequence[Clip]) -> list[Result]:
        self.config.begun.touch()
        while not self.config.go.exists():
            time.sleep(0.01)
        return super().process(clips)


class FailingStage(LevelStage):
    """Cannot work."""

    name: ClassVar[str] = "failing"

    def process(self, clips: Sequence[Clip]) -> list[Result]:
        raise DataError("the model is not there. Fetch it.")


class BrittleStage(LevelStage):
    """Fails on clips whose last digit is odd."""

    name: ClassVar[str] = "brittle"

    def process(self, clips: Sequence[Clip]) -> list[Result]:
        if any(clip.spans[0].start % 2 for clip in clips):
            raise RuntimeError("an odd clip")
        return super().process(clips)
