"""Log-mel front ends: the 50 Hz mel of flow and vocoder, and Whisper's features for the speech tokenizer."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glmtts.audio.filters import slaney_filters
from glmtts.audio.geometry import MelConfig

__all__ = ["LogMel", "MelConfig", "WhisperFeatures", "mel_filters"]


def mel_filters(sample_rate: int, n_fft: int, n_mels: int, f_min: float, f_max: float) -> Tensor:
    """`audio.filters.slaney_filters` as a tensor of one's own."""
    return torch.from_numpy(slaney_filters(sample_rate, n_fft, n_mels, f_min, f_max).copy())


class LogMel(nn.Module):
    """log(max(mel, 1e-5)) of sqrt(re² + im² + 1e-9), reflect padding (n_fft − hop) / 2, no centring."""

    filters: Tensor
    window: Tensor

    def __init__(self, config: MelConfig) -> None:
        super().__init__()
        self.config = config
        filters = mel_filters(config.sample_rate, config.n_fft, config.n_mels, config.f_min, config.f_max)
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("window", torch.hann_window(config.n_fft), persistent=False)

    def forward(self, samples_BT: Tensor) -> Tensor:
        """Samples (B, T) to log-mel (B, n_mels, T // hop). Audio shorter than the padding is zero-padded."""
        config = self.config
        padding = (config.n_fft - config.hop_length) // 2
        # a reflection needs more samples than it repeats
        if samples_BT.shape[-1] <= padding:
            samples_BT = F.pad(samples_BT, (0, padding + 1 - samples_BT.shape[-1]))
        padded = F.pad(samples_BT[:, None], (padding, padding), mode="reflect")[:, 0]
        spectrum = torch.stft(
            padded, config.n_fft, config.hop_length, window=self.window, center=False, return_complex=True
        )
        # 1e-9: the root of silence has a finite gradient
        magnitude = torch.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-9)
        return torch.log(torch.clamp(self.filters @ magnitude, min=1e-5))


class WhisperFeatures(nn.Module):
    """Whisper's log-mel of 16 kHz audio at 100 frames a second, of any length (Radford et al., 2022)."""

    filters: Tensor
    window: Tensor

    def __init__(self, n_mels: int = 80) -> None:
        super().__init__()
        self.register_buffer("filters", mel_filters(16000, 400, n_mels, 0.0, 8000.0), persistent=False)
        self.register_buffer("window", torch.hann_window(400), persistent=False)

    def forward(self, samples_BT: Tensor) -> Tensor:
        """Samples (B, T) to features (B, n_mels, T // 160): log10 power, at most 8 below the loudest, (x + 4) / 4."""
        # a centred STFT mirrors 200 samples at either end, and needs more than it mirrors
        if samples_BT.shape[-1] <= 200:
            samples_BT = F.pad(samples_BT, (0, 400 - samples_BT.shape[-1]))
        # the last frame of a centred STFT is left out, as Whisper does: T // 160 remain
        spectrum = torch.stft(samples_BT, 400, 160, window=self.window, return_complex=True)[..., :-1]
        power = spectrum.real**2 + spectrum.imag**2
        log_mel = torch.log10(torch.clamp(self.filters @ power, min=1e-10))
        loudest = log_mel.amax(dim=(1, 2), keepdim=True)
        return (torch.maximum(log_mel, loudest - 8.0) + 4.0) / 4.0
