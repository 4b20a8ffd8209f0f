"""Vocos: the vocoder of one-dimensional ConvNeXt blocks (Siuzdak, 2023), with a choice of finer frames inside."""

from typing import Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from glmtts.audio.mel import MelConfig
from glmtts.vocoder.geometry import Compilable, MelGeometry
from glmtts.vocoder.istft import InverseSTFT

WINDOWS = 4  # hops that one window of the inverse STFT spans, as in the mel's own geometry
LOUDEST = 6.0  # of a log-magnitude; louder than full scale by far, and an untrained head cannot overflow


class VocosConfig(MelGeometry):
    """Geometry and size. Every mel frame becomes `finer` frames of the inverse STFT, of a hop so many times shorter.

    At 50 frames a second one window of 80 ms would have to hold a pitch that moves within it.
    """

    mel_mean: float = -5.5
    mel_std: float = Field(default=2.5, gt=0)
    width: int = Field(default=384, ge=1)
    expansion: int = Field(default=3, ge=1)
    layers: int = Field(default=8, ge=1)
    kernel: int = Field(default=7, ge=1)
    finer: int = Field(default=2, ge=1)

    @property
    def inner_hop(self) -> int:
        """Samples between two frames of the inverse STFT."""
        return self.hop_length // self.finer

    @model_validator(mode="after")
    def _divides(self) -> Self:
        if self.hop_length % self.finer or self.kernel % 2 == 0:
            raise ValueError("hop_length must be a multiple of finer, and kernel odd")
        return self


class Block(nn.Module):
    """ConvNeXt in one dimension: depth-wise convolution, norm, inverted bottleneck, scaled residual."""

    def __init__(self, width: int, expansion: int, kernel: int, scale: float) -> None:
        super().__init__()
        inner = width * expansion
        self.dwconv = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.pwconv1 = nn.Linear(width, inner)
        self.pwconv2 = nn.Linear(inner, width)
        # 1 / layers (as in Vocos): all blocks together add at first what one would alone
        self.gamma = nn.Parameter(torch.full((width,), scale))
        self.activation = nn.GELU()

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Frames (B, T, D) to frames of the same shape."""
        inner = self.norm(self.dwconv(x_BTD.transpose(1, 2)).transpose(1, 2))
        return x_BTD + self.gamma * self.pwconv2(self.activation(self.pwconv1(inner)))


class Vocos(Compilable, nn.Module):
    """Log-mel to waveform: a convolution, finer frames, ConvNeXt blocks, inverse STFT head."""

    def __init__(self, config: VocosConfig) -> None:
        super().__init__()
        self.config = config
        self.n_fft = WINDOWS * config.inner_hop
        self.embed = nn.Conv1d(config.n_mels, config.width, config.kernel, padding=config.kernel // 2)
        self.split = nn.Linear(config.width, config.width * config.finer)
        self.first_norm = nn.LayerNorm(config.width)
        self.blocks = nn.ModuleList(
            Block(config.width, config.expansion, config.kernel, 1 / config.layers) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, self.n_fft + 2)
        self.istft = InverseSTFT(self.n_fft, config.inner_hop)

    @property
    def mel(self) -> MelConfig:
        """Geometry of the mel that it takes."""
        return self.config.mel

    @property
    def look_ahead(self) -> int:
        """Mel frames on either side that a frame's samples depend on: all convolutions and the window."""
        config = self.config
        inner = config.layers * (config.kernel // 2) + WINDOWS // 2
        return config.kernel // 2 - (-inner // config.finer)

    def forward(self, mel_BMT: Tensor) -> Tensor:
        """Log-mel (B, M, T) to samples (B, T · hop)."""
        magnitude, phase = self.spectrum(mel_BMT)
        return self.istft(torch.complex(magnitude * phase.cos(), magnitude * phase.sin()))

    def spectrum(self, mel_BMT: Tensor) -> tuple[Tensor, Tensor]:
        """Magnitude and phase, both (B, n_fft // 2 + 1, T · finer), in float32."""
        config = self.config
        x = self.embed((mel_BMT - config.mel_mean) / config.mel_std).transpose(1, 2)
        # (B, T, finer · D) to (B, T · finer, D): every mel frame becomes `finer` of the inverse STFT's
        x = self.first_norm(self.split(x).unflatten(2, (config.finer, config.width)).flatten(1, 2))
        for block in self.blocks:
            x = block(x)
        log_magnitude, phase = self.head(self.norm(x)).float().transpose(1, 2).chunk(2, dim=1)
        return log_magnitude.clamp(max=LOUDEST).exp(), phase
