"""Lone words and interjections last long enough to be heard as speech rather than as a click."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from glmtts.audio.fade import QUIET
from glmtts.audio.tempo import change_tempo

if TYPE_CHECKING:
    from torch import Tensor

SHORTEST_SECONDS = 0.3
# Of 240 one-word texts by eight voices nine sounded for 0.25 to 0.29 s, each whole: that is slowed by a sixth at most.
# What is far shorter is no quick word but one that is cut; to stretch it would not mend it.
LEAST_SECONDS = 0.2
FRAME_SECONDS = 0.01  # a choice


def sounding(samples_T: np.ndarray, rate: int) -> float:
    """Seconds from the first to the last 10 ms that are louder than −50 dBFS; 0 where all is silent."""
    frame = round(FRAME_SECONDS * rate)
    whole = samples_T[: len(samples_T) // frame * frame].reshape(-1, frame)
    places = np.flatnonzero(np.sqrt(np.square(whole).mean(1)) > QUIET)
    return float(places[-1] - places[0] + 1) * FRAME_SECONDS if len(places) else 0.0


def long_enough(samples_T: Tensor, rate: int) -> Tensor:
    """Samples (T,) of a lone word, slowed at the same pitch where they sound for less than 0.3 s."""
    import torch

    return torch.from_numpy(slowed(samples_T.numpy(), rate))


def slowed(samples_T: np.ndarray, rate: int) -> np.ndarray:
    """As `long_enough`, of an array."""
    seconds = sounding(samples_T, rate)
    if not LEAST_SECONDS <= seconds < SHORTEST_SECONDS:
        return samples_T
    speed = seconds / (SHORTEST_SECONDS + 2 * FRAME_SECONDS)  # a frame on either side may fall below the threshold
    return change_tempo(samples_T, rate, speed)
