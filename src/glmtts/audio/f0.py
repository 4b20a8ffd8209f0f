"""Fundamental frequency, the target of the pitch estimator."""

import numpy as np
import torch
from torch import Tensor

from glmtts.errors import TrainingError

PERIOD_MS = 10.0


def estimate_f0(samples_T: Tensor, rate: int, frames_per_second: int) -> Tensor:
    """F0 in Hz at `frames_per_second`, shape (frames,); 0 where unvoiced (DIO + StoneMask, Morise et al.).

    Frame i is taken at its centre, (i + 0.5) / frames_per_second seconds, as the mel's frames are.

    Raises:
        TrainingError: pyworld is not installed.
    """
    try:
        import pyworld
    except ImportError:
        raise TrainingError("F0 needs pyworld. Install it with: pip install 'glm-tts[train]'") from None
    samples = samples_T.numpy().astype(np.float64)
    raw, times = pyworld.dio(samples, rate, f0_floor=60, f0_ceil=600, frame_period=PERIOD_MS, speed=4)
    track = pyworld.stonemask(samples, raw, times, rate)
    frames = len(samples) * frames_per_second // rate
    centres = ((np.arange(frames) + 0.5) / frames_per_second / PERIOD_MS * 1000).round().astype(int)
    return torch.from_numpy(track[np.minimum(centres, len(track) - 1)]).float()
