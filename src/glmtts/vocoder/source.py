"""The source of a voice: a pulse train of all harmonics of F0, and noise; both white, both of unit power.

Source-filter synthesis as networks use it (Wang et al., 2019, arXiv 1904.12088; Engel et al., 2020, arXiv 2001.04643):
harmonics that are given need not be learnt, and keep their phase from frame to frame.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

LOW_BITS = 0xFFFFFFFF  # 32 of them, as Murmur3 counts
NEAR_A_PULSE = 1e-4  # of a period: where the closed form divides by nearly nothing, its limit is taken


def turns_of(f0_BT: Tensor, hop: int, sample_rate: int) -> Tensor:
    """Phase in turns, 0 to 1 (B, T · hop), of F0 in Hz (B, T), which moves linearly between the frames' middles.

    Whole turns are dropped frame by frame: in single precision they would cost a long utterance its phase.
    """
    within_BTN = hz_by_sample(f0_BT, hop).unflatten(1, (-1, hop)).cumsum(2) / sample_rate
    ends_BT = within_BTN[..., -1].remainder(1).cumsum(1).remainder(1)
    return (F.pad(ends_BT[:, :-1], (1, 0))[..., None] + within_BTN).flatten(1).remainder(1)


def hz_by_sample(f0_BT: Tensor, hop: int) -> Tensor:
    """F0 of every sample (B, T · hop)."""
    return F.interpolate(f0_BT[:, None], scale_factor=hop, mode="linear")[:, 0]


def pulses(f0_BT: Tensor, hop: int, sample_rate: int, first: int = 0) -> Tensor:
    """Σ cos(2π k θ) over the harmonics k below the Nyquist frequency, of unit power (B, (T − first) · hop).

    In closed form, sin((2K + 1) π θ) / (2 sin(π θ)) − ½; the highest harmonic comes and goes gradually. The phase runs
    through all of F0 (B, T) in Hz, and the samples are those from frame `first` on.
    """
    hz_BN = hz_by_sample(f0_BT, hop)[:, first * hop :]
    theta_BN = turns_of(f0_BT, hop, sample_rate)[:, first * hop :]
    # −½ to ½: about a pulse the sine below divides by little, and float32 is finest near 0
    theta_BN = theta_BN - theta_BN.round()
    # K may be broken: harmonics up to its whole part, and one more by the rest, still not above the Nyquist frequency
    most_BN = sample_rate / 2 / hz_BN - 1
    whole_BN = most_BN.floor()
    near_BN = theta_BN.abs() < NEAR_A_PULSE
    sine_BN = torch.sin(math.pi * theta_BN.where(~near_BN, torch.full_like(theta_BN, 0.5)))
    kernel_BN = torch.sin((2 * whole_BN + 1) * math.pi * theta_BN) / (2 * sine_BN) - 0.5
    last_BN = (most_BN - whole_BN) * torch.cos(2 * math.pi * (whole_BN + 1) * theta_BN)
    # K cosines have a power of K / 2
    return (kernel_BN.where(~near_BN, whole_BN) + last_BN) * torch.sqrt(2 / most_BN)


def noise(first: int, count: int, device: torch.device) -> Tensor:
    """White noise (count,) of unit power, a function of the sample's place alone: streams and wholes agree.

    Murmur3's finaliser of the place, in 64-bit integers that overflow alike everywhere.
    """
    x = torch.arange(first, first + count, device=device) * 0x9E3779B1 & LOW_BITS
    x = (x ^ x >> 16) * 0x85EBCA6B & LOW_BITS
    x = (x ^ x >> 13) * 0xC2B2AE35 & LOW_BITS
    return ((x ^ x >> 16).double() / 2**32 - 0.5).float() * math.sqrt(12)
