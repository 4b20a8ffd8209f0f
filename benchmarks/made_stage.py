"""A stage without a model for the pipeline's benchmarks: it cuts, drops, and computes for a while, in NumPy."""

from collections.abc import Mapping, Sequence
from typing import ClassVar
from zlib import crc32

import numpy as np
from pydantic import Field

from glmtts.config import StrictConfig
from glmtts.data import FeatureSpec
from glmtts.data.pipeline import Clip, Dropped, Result


class BusyConfig(StrictConfig):
    """`passes` of a spectrum over each piece make it slow; every fifth piece, about, is dropped."""

    passes: int = Field(default=20, ge=1)


class BusyStage:
    """Cuts clips into pieces of 1 to 11 s and adds a spectrum's mean; a function of the clip alone."""

    name: ClassVar[str] = "busy"
    config_class: ClassVar[type[StrictConfig]] = BusyConfig

    def __init__(self, config: BusyConfig, device: str = "cpu") -> None:
        self.config = config

    @property
    def features(self) -> Mapping[str, FeatureSpec]:
        """The mean of 257 bins over time."""
        return {"spectrum": FeatureSpec(rate=None)}

    def process(self, clips: Sequence[Clip]) -> list[Result]:
        """Cut, drop, compute."""
        return [self._one(clip) for clip in clips]

    def _one(self, clip: Clip) -> Result:
        kept, dropped, start = [], [], 0
        while start < clip.samples:
            lot = crc32(f"{clip.id}/{start}".encode())
            end = min(clip.samples, start + clip.sample_rate + lot % (10 * clip.sample_rate))
            if lot % 5:
                piece = clip.cut(start, end).with_labels(language="en", text="…", speaker=clip.source)
                kept.append(piece.with_features(spectrum=self._spectrum(piece.wave)))
            else:
                dropped += [Dropped(span, "by lot", {"lot": lot}) for span in clip.spans_of(start, end)]
            start = end
        return Result(tuple(kept), tuple(dropped))

    def _spectrum(self, wave: np.ndarray) -> np.ndarray:
        frames = np.resize(wave, (max(1, len(wave) // 512), 512))
        for _ in range(self.config.passes):
            spectrum = np.abs(np.fft.rfft(frames)).mean(axis=0)
        return spectrum.astype(np.float32)
