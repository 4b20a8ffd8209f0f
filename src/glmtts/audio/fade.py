"""An end without a click."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

SILENT_SECONDS, FADE_SECONDS = 0.02, 0.04  # two to eight periods of a voice: no click, and no syllable lost
QUIET = 10 ** (-50 / 20)  # RMS at −50 dBFS: quieter ends are left as they are


def faded_end(samples_T: Tensor, rate: int) -> Tensor:
    """Samples (T,) whose last 20 ms are silent after a fade of 40 ms, where they were louder than −50 dBFS.

    The length stays. Speech that ends by itself fades out anyway; what was cut, or stops in the middle of a sound, does
    not.
    """
    import torch

    samples = samples_T.numpy()
    made = faded(samples, rate)
    return samples_T if made is samples else torch.from_numpy(made)


def faded(samples_T: np.ndarray, rate: int) -> np.ndarray:
    """As `faded_end`, of an array."""
    silent, fade = round(SILENT_SECONDS * rate), round(FADE_SECONDS * rate)
    if len(samples_T) < silent + fade or np.sqrt(np.square(samples_T[-silent:]).mean()) <= QUIET:
        return samples_T
    gain = np.ones(len(samples_T), np.float32)
    # a raised cosine: neither its value nor its slope jumps
    gain[-silent - fade : -silent] = 0.5 * (1 + np.cos(np.linspace(0, np.pi, fade)))
    gain[-silent:] = 0
    return samples_T * gain
