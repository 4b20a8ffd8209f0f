"""An end without a click."""

import math

import torch
from torch import Tensor

SILENT_SECONDS, FADE_SECONDS = 0.02, 0.04  # two to eight periods of a voice: no click, and no syllable lost
QUIET = 10 ** (-50 / 20)  # RMS at −50 dBFS: quieter ends are left as they are


def faded_end(samples_T: Tensor, rate: int) -> Tensor:
    """Samples (T,) whose last 20 ms are silent after a fade of 40 ms, where they were louder than −50 dBFS.

    The length stays. Speech that ends by itself fades out anyway; what was cut, or stops in the middle of a sound, does
    not.
    """
    silent, fade = round(SILENT_SECONDS * rate), round(FADE_SECONDS * rate)
    if len(samples_T) < silent + fade or samples_T[-silent:].square().mean().sqrt() <= QUIET:
        return samples_T
    ramp = 0.5 * (1 + torch.cos(torch.linspace(0, math.pi, fade)))
    gain = torch.ones(len(samples_T))
    gain[-silent - fade : -silent] = ramp
    gain[-silent:] = 0
    return samples_T * gain
