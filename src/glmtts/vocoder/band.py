"""The band of a recording: what was recorded at 16 kHz says nothing of the frequencies above 8 kHz."""

import torch
from torch import Tensor

EDGE_HZ, BEYOND_HZ = 8000.0, 8300.0  # resampling from 16 kHz leaves a slope about the edge
NOTHING = 2e-10  # mean square: twice and a half what rounding to 16 bits leaves in the whole band
HANN_POWER = 0.375  # mean square of the window


def is_narrow(samples_BT: Tensor, sample_rate: int) -> Tensor:
    """Whether rows (B, T) hold no more above 8.3 kHz than the rounding to 16 bits; shape (B,)."""
    size = samples_BT.shape[1]
    window = torch.hann_window(size, device=samples_BT.device)  # without it the ends spread over all frequencies
    beyond_BF = torch.fft.rfft(samples_BT * window)[:, int(BEYOND_HZ * size / sample_rate) :]
    # mean square by Parseval: twice, for the negative frequencies that `rfft` leaves out
    return 2 * beyond_BF.abs().square().sum(1) / (size * size * HANN_POWER) <= NOTHING


def within_band(samples_BT: Tensor, real_BT: Tensor, sample_rate: int) -> Tensor:
    """Samples (B, T) without what lies above 8 kHz, in the rows whose real recording has nothing there either.

    So a generator learns from narrow recordings what they hold, and not to leave the upper band empty.
    """
    narrow_B = is_narrow(real_BT, sample_rate)
    spectrum_BF = torch.fft.rfft(samples_BT)
    keep_BF = torch.ones(spectrum_BF.shape, device=samples_BT.device)
    keep_BF[:, int(EDGE_HZ * samples_BT.shape[1] / sample_rate) :] = (~narrow_B).float()[:, None]
    return torch.fft.irfft(spectrum_BF * keep_BF, samples_BT.shape[1])
