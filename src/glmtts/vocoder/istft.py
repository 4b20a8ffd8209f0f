"""Inverse short-time Fourier transform whose output is exactly hop length times frames long."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class InverseSTFT(nn.Module):
    """Overlap-add of windowed inverse FFTs, divided by the summed squared window, (n_fft − hop) / 2 cut at both ends.

    It inverts an STFT that pads so too, such as that of the log-mel front end ("same" padding).
    """

    window: Tensor

    def __init__(self, n_fft: int, hop_length: int) -> None:
        super().__init__()
        self.n_fft, self.hop_length = n_fft, hop_length
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def forward(self, spectrum_BFT: Tensor) -> Tensor:
        """Complex spectrum (B, n_fft // 2 + 1, T) to samples (B, T · hop)."""
        frames = spectrum_BFT.shape[2]
        waves = torch.fft.irfft(spectrum_BFT, self.n_fft, dim=1) * self.window[:, None]
        envelope = self.window.square()[None, :, None].expand(1, -1, frames)
        cut = (self.n_fft - self.hop_length) // 2
        total = self._overlap_add(waves)[:, cut : cut + frames * self.hop_length]
        # 1e-8: where windows do not overlap, a Hann window of 0 at its very end would divide 0 by 0
        return total / self._overlap_add(envelope)[:, cut : cut + frames * self.hop_length].clamp(min=1e-8)

    def _overlap_add(self, frames_BNT: Tensor) -> Tensor:
        length = (frames_BNT.shape[2] - 1) * self.hop_length + self.n_fft
        size, stride = (1, self.n_fft), (1, self.hop_length)
        # columns of an image one pixel high: `fold` sums where they overlap, with gradients, on any device
        return F.fold(frames_BNT, (1, length), kernel_size=size, stride=stride)[:, 0, 0]
