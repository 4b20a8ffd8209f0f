"""The base of stages that look at one clip at a time and add no features."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from glmtts.audio.resample import resample
from glmtts.data.manifest import FeatureSpec
from glmtts.data.pipeline.clips import Clip
from glmtts.data.pipeline.stage import Result


class PerClip:
    """Implements `Stage` by `one`, the result of one clip."""

    def __init__(self, config: Any, device: str = "cpu") -> None:
        self.config, self.device = config, device

    @property
    def features(self) -> Mapping[str, FeatureSpec]:
        """None."""
        return {}

    def process(self, clips: Sequence[Clip]) -> list[Result]:
        """One result a clip."""
        return [self.one(clip) for clip in clips]

    def one(self, clip: Clip) -> Result:
        """What is kept and dropped of a clip."""
        raise NotImplementedError


def wave_at(clip: Clip, rate: int) -> np.ndarray:
    """The clip's sound (T,) float32 at `rate` Hz."""
    samples: np.ndarray = resample(torch.from_numpy(np.ascontiguousarray(clip.wave)), clip.sample_rate, rate).numpy()
    return samples


def fitted(wave: np.ndarray, samples: int) -> np.ndarray:
    """The wave with exactly so many samples: resampling there and back may add or lose one."""
    return np.pad(wave[:samples], (0, max(0, samples - len(wave))))
