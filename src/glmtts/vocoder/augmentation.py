"""Differentiable augmentation of what the discriminator hears (report section 2.7; Zhao et al., 2020)."""

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

LOUDNESS_DB = 6.0  # either way; the report gives no range


@dataclass(frozen=True)
class Augmentation:
    """One random transform: gain within ±6 dB, a shift in samples, a phase rotation. Real and fake share it."""

    gain_B1: Tensor
    shift: int
    angle_B1: Tensor

    @classmethod
    def draw(cls, batch: int, max_shift: int, like: Tensor) -> Self:
        """Draw a transform for a batch."""
        decibels = (torch.rand(batch, 1, device=like.device) * 2 - 1) * LOUDNESS_DB
        # one for all rows, which so keep one length; drawn on the CPU, since it sizes a tensor
        shift = int(torch.randint(0, max_shift, ()))
        angle = (torch.rand(batch, 1, device=like.device) * 2 - 1) * math.pi
        return cls(10 ** (decibels / 20), shift, angle)

    def __call__(self, samples_BT: Tensor) -> Tensor:
        """Apply to samples (B, T); the shift cuts the beginning, so T shrinks by it. Gradients flow through."""
        # one angle for all frequencies of a row: it changes the waveform, and hardly the magnitudes of an STFT
        spectrum = torch.fft.rfft(samples_BT[:, self.shift :])
        rotated = spectrum * torch.complex(self.angle_B1.cos(), self.angle_B1.sin())
        return self.gain_B1 * torch.fft.irfft(rotated, samples_BT.shape[1] - self.shift)
