"""Vocos2D: the vocoder on frequency × time maps (report section 2.7 and Figure 4)."""

import math
from typing import Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from glmtts.audio.mel import MelConfig, mel_filters
from glmtts.vocoder.geometry import Compilable, MelGeometry
from glmtts.vocoder.istft import InverseSTFT
from glmtts.vocoder.vocos import LOUDEST

QUIETEST = 1e-5  # of an amplitude prior: the mel's own floor, and a product with it still has a gradient


class Vocos2DConfig(MelGeometry):
    """Geometry and size; the spectrum's bins are grouped into `bands` equal sub-bands (32 kHz: 2560 / 640).

    The last three are for ablations (docs/ablations.md). `amplitude_prior` adds what the mel's pseudo-inverse says of
    the magnitudes (FreeV, Lv et al., 2024), so that the network has only the difference to tell.
    """

    mel_mean: float = -5.5
    mel_std: float = Field(default=2.5, gt=0)
    channels: int = Field(default=32, ge=1)
    expansion: int = Field(default=3, ge=1)
    layers: int = Field(default=8, ge=1)
    bands: int = Field(default=120, ge=1)
    kernel: int = Field(default=7, ge=1)
    mel_shortcuts: bool = True
    frequency_embedding: bool = True
    amplitude_prior: bool = False

    @model_validator(mode="after")
    def _kernel_has_a_middle(self) -> Self:
        if self.kernel % 2 == 0:
            raise ValueError("kernel must be odd")
        return self


class Block(nn.Module):
    """ConvNeXt in two dimensions; the mel spectrogram is regressed and added inside the inverted bottleneck."""

    def __init__(self, config: Vocos2DConfig) -> None:
        super().__init__()
        channels, inner = config.channels, config.channels * config.expansion
        self.dwconv = nn.Conv2d(channels, channels, config.kernel, padding=config.kernel // 2, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.pwconv1 = nn.Linear(channels, inner)
        self.shortcut = nn.Linear(config.n_mels, inner) if config.mel_shortcuts else None
        self.pwconv2 = nn.Linear(inner, channels)
        # 1 / layers, as in Vocos: all blocks together add at first what one would alone
        self.gamma = nn.Parameter(torch.full((channels,), 1 / config.layers))
        self.activation = nn.GELU()

    def forward(self, x_BCFT: Tensor, mel_BTM: Tensor) -> Tensor:
        """Maps (B, C, F, T), channels last in memory, and the mel (B, T, M), to maps of the same shape."""
        inner = self.norm(self.dwconv(x_BCFT).permute(0, 2, 3, 1))
        inner = self.pwconv1(inner)
        if self.shortcut is not None:
            inner = inner + self.shortcut(mel_BTM)[:, None]
        out = self.gamma * self.pwconv2(self.activation(inner))
        return x_BCFT + out.permute(0, 3, 1, 2)


class AmplitudePrior(nn.Module):
    """Magnitudes that the mel itself tells: |M⁺ · mel| with the pseudo-inverse M⁺ of the mel's filters.

    Bins that no filter reaches, above 8 kHz in the release's geometry at 24 kHz, have 1: the mel tells nothing of them.
    """

    inverse: Tensor
    untold: Tensor

    def __init__(self, config: MelConfig) -> None:
        super().__init__()
        filters = mel_filters(config.sample_rate, config.n_fft, config.n_mels, config.f_min, config.f_max)
        self.register_buffer("inverse", torch.linalg.pinv(filters), persistent=False)
        self.register_buffer("untold", (filters.sum(0) == 0)[:, None], persistent=False)

    def forward(self, mel_BMT: Tensor) -> Tensor:
        """Log-mel (B, M, T) to magnitudes (B, n_fft // 2 + 1, T), in float32."""
        with torch.autocast(mel_BMT.device.type, enabled=False):
            told = (self.inverse @ mel_BMT.float().exp()).abs().clamp(min=QUIETEST)
            return torch.where(self.untold, 1.0, told)


class Vocos2D(Compilable, nn.Module):
    """Log-mel to waveform: point-wise layer, per-frequency embedding, 2-D ConvNeXt blocks, inverse STFT head."""

    def __init__(self, config: Vocos2DConfig) -> None:
        super().__init__()
        self.config = config
        self.bins = math.ceil(config.n_fft // 2 / config.bands)
        self.expand = nn.Linear(config.n_mels, config.channels * config.bands)
        embedding = 0.02 * torch.randn(config.channels, config.bands, 1)
        self.frequency = nn.Parameter(embedding) if config.frequency_embedding else None
        self.prior = AmplitudePrior(config.mel) if config.amplitude_prior else None
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.channels)
        self.head = nn.Linear(config.channels, 2 * self.bins)
        self.istft = InverseSTFT(config.n_fft, config.hop_length)

    @property
    def mel(self) -> MelConfig:
        """Geometry of the mel that it takes."""
        return self.config.mel

    @property
    def look_ahead(self) -> int:
        """Frames on either side that a frame's samples depend on: the window's reach, two thirds of the convolutions'.

        What lies in their outer third changes samples by less than 16 bits hold (−98 dB in `mini`).
        """
        config = self.config
        convolutions, window = config.layers * (config.kernel // 2), -(-config.n_fft // (2 * config.hop_length))
        return -(-2 * convolutions // 3) + window

    def forward(self, mel_BMT: Tensor) -> Tensor:
        """Log-mel (B, M, T) to samples (B, T · hop)."""
        magnitude, phase = self.spectrum(mel_BMT)
        return self.istft(torch.complex(magnitude * phase.cos(), magnitude * phase.sin()))

    def spectrum(self, mel_BMT: Tensor) -> tuple[Tensor, Tensor]:
        """Magnitude and phase, both (B, n_fft // 2 + 1, T), in float32."""
        config = self.config
        batch, _, frames = mel_BMT.shape
        mel_BTM = ((mel_BMT - config.mel_mean) / config.mel_std).transpose(1, 2)
        maps = self.expand(mel_BTM).view(batch, frames, config.bands, config.channels)
        # (B, T, F, C) to (B, C, F, T)
        x = maps.permute(0, 3, 2, 1)
        if self.frequency is not None:
            x = x + self.frequency  # a convolution is alike at all frequencies, speech is not
        x = x.contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            x = block(x, mel_BTM)
        # (B, F, T, 2 · bins) to magnitude and phase of the bins of each sub-band, (B, F, bins, T)
        out = self.head(self.norm(x.permute(0, 2, 3, 1))).float()
        log_magnitude, phase = out.permute(0, 1, 3, 2).reshape(batch, -1, 2, self.bins, frames).unbind(2)
        size = config.n_fft // 2 + 1
        magnitude = self._bins(log_magnitude.clamp(max=LOUDEST).exp(), size)
        if self.prior is not None:
            # a sum of logs: the network's own magnitude is the correction (FreeV)
            magnitude = (magnitude * self.prior(mel_BMT)).clamp(max=math.exp(LOUDEST))
        return magnitude, self._bins(phase, size)

    @staticmethod
    def _bins(values_BFNT: Tensor, size: int) -> Tensor:
        """Sub-bands laid side by side; bins beyond them (the Nyquist bin) are zero."""
        flat = values_BFNT.flatten(1, 2)[:, :size]
        return torch.nn.functional.pad(flat, (0, 0, 0, size - flat.shape[1]))
