"""HiFT: harmonic-plus-noise source, upsampling network, inverse STFT (HiFTNet, Li et al., 2023, arXiv 2309.09493).

The 24 kHz vocoder of the released weights. Weight norms are folded into plain weights when a release is converted.
"""

import math
from itertools import accumulate
from operator import mul
from typing import Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from glmtts.audio.mel import MelConfig
from glmtts.config import Count
from glmtts.vocoder.geometry import Compilable, MelGeometry

NOISE_SEED = 0  # the same mel gives the same samples
LAST_SLOPE, LOUDEST_MAGNITUDE = 0.01, 100.0  # the release's
Counts = tuple[Count, ...]


class HiFTConfig(MelGeometry):
    """Sizes of HiFT; the defaults are those of the release. `n_fft` and `hop_length` are the mel's.

    The source has `harmonics` above F0, of amplitude `sine_amplitude`, with noise of `noise_deviation`; frames of an F0
    above `voiced_above_hz` are voiced. `istft_n_fft` and `istft_hop` are in samples, as the product of `upsample_rates`
    and the latter is a frame of the mel. `slope` is that of the leaky rectifiers; samples are clipped at ±`limit`.
    """

    base_channels: Count = 512
    f0_channels: Count = 512
    harmonics: int = Field(default=8, ge=0)
    sine_amplitude: float = 0.1
    noise_deviation: float = 0.003
    voiced_above_hz: float = 10
    upsample_rates: Counts = (8, 5, 3)
    upsample_kernels: Counts = (16, 11, 7)
    istft_n_fft: Count = 16
    istft_hop: Count = 4
    kernels: Counts = (3, 7, 11)
    dilations: Counts = (1, 3, 5)
    source_kernels: Counts = (7, 7, 11)
    slope: float = 0.1
    limit: float = Field(default=0.99, gt=0)

    @model_validator(mode="after")
    def _levels_make_a_frame(self) -> Self:
        levels = {len(self.upsample_rates), len(self.upsample_kernels), len(self.source_kernels)}
        if len(levels) > 1:
            raise ValueError("upsample_rates, upsample_kernels and source_kernels must be as many")
        if math.prod(self.upsample_rates) * self.istft_hop != self.hop_length:
            raise ValueError("upsample_rates times istft_hop must be hop_length")
        # else a level is longer than its rate makes it, and does not fit the source's
        pairs = zip(self.upsample_rates, self.upsample_kernels, strict=True)
        if any(kernel < rate or (kernel - rate) % 2 for rate, kernel in pairs):
            raise ValueError("upsample_kernels must be their rates and an even number more")
        if not all(kernel % 2 for kernel in (*self.kernels, *self.source_kernels)):
            raise ValueError("kernels and source_kernels must be odd")
        return self


class Snake(nn.Module):
    """x + sin²(α x) / α with one α a channel (Ziyin et al., 2020); the release adds 1e-9 to the α below."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(channels))

    def forward(self, x_BCT: Tensor) -> Tensor:
        """Shape (B, C, T) in and out."""
        alpha = self.alpha[:, None]
        return x_BCT + (x_BCT * alpha).sin().square() / (alpha + 1e-9)


class ResidualBlock(nn.Module):
    """Pairs of convolutions, the first of each dilated, each pair residual."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, dilation=d, padding=d * (kernel // 2)) for d in dilations
        )
        self.convs2 = nn.ModuleList(nn.Conv1d(channels, channels, kernel, padding=kernel // 2) for _ in dilations)
        self.activations1 = nn.ModuleList(Snake(channels) for _ in dilations)
        self.activations2 = nn.ModuleList(Snake(channels) for _ in dilations)

    def forward(self, x_BCT: Tensor) -> Tensor:
        """Shape (B, C, T) in and out."""
        pairs = zip(self.activations1, self.convs1, self.activations2, self.convs2, strict=True)
        for activation1, conv1, activation2, conv2 in pairs:
            x_BCT = x_BCT + conv2(activation2(conv1(activation1(x_BCT))))
        return x_BCT


class F0Predictor(nn.Module):
    """Log-mel to F0 in Hz, a value a frame."""

    def __init__(self, n_mels: int, channels: int) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        for inputs in (n_mels, *[channels] * 4):
            parts += [nn.Conv1d(inputs, channels, 3, padding=1), nn.ELU()]
        self.condnet = nn.Sequential(*parts)
        self.classifier = nn.Linear(channels, 1)

    def forward(self, mel_BMT: Tensor) -> Tensor:
        """(B, M, T) to (B, T)."""
        return self.classifier(self.condnet(mel_BMT).transpose(1, 2))[..., 0].abs()


class Source(nn.Module):
    """Sines at F0 and its harmonics where voiced, noise elsewhere, mixed into one signal."""

    def __init__(self, config: HiFTConfig) -> None:
        super().__init__()
        self.config = config
        self.l_linear = nn.Linear(config.harmonics + 1, 1)

    def forward(self, f0_BT: Tensor, noise: bool) -> Tensor:
        """F0 in Hz (B, T) at the frame rate to (B, 1, T · hop); phase grows linearly between the frames' middles."""
        config = self.config
        # F0 itself, and `harmonics` above it
        multiples_H1 = torch.arange(1, config.harmonics + 2, device=f0_BT.device)[:, None]
        turns_BHT = f0_BT[:, None] * multiples_H1 / config.sample_rate % 1
        phase_BHT = turns_BHT.cumsum(2) * 2 * math.pi * config.hop_length
        phase_BHN = F.interpolate(phase_BHT, scale_factor=config.hop_length, mode="linear")
        voiced_B1N = (f0_BT > config.voiced_above_hz).repeat_interleave(config.hop_length, dim=1)[:, None].float()
        sines_BHN = config.sine_amplitude * phase_BHN.sin() * voiced_B1N
        if noise:
            # levels as in the neural source-filter model (Wang et al., 2019): noise alone has a third of the sine's
            level_B1N = voiced_B1N * config.noise_deviation + (1 - voiced_B1N) * config.sine_amplitude / 3
            sines_BHN = sines_BHN + level_B1N * self._noise(f0_BT.shape[1]).to(sines_BHN)
        return self.l_linear(sines_BHN.transpose(1, 2)).tanh().transpose(1, 2)

    def _noise(self, frames: int) -> Tensor:
        """Noise (H, T · hop), drawn frame by frame, so that a longer utterance begins with that of a shorter one."""
        generator, size = torch.Generator().manual_seed(NOISE_SEED), (self.config.harmonics + 1, self.config.hop_length)
        return torch.cat([torch.randn(size, generator=generator) for _ in range(frames)], dim=1)


class HiFT(Compilable, nn.Module):
    """Log-mel to waveform; the source enters at every level of the upsampling network."""

    BLOCKS = ("source_resblocks", "resblocks")
    window: Tensor

    def __init__(self, config: HiFTConfig) -> None:
        super().__init__()
        self.config = config
        bins = config.istft_n_fft + 2
        self.m_source = Source(config)
        self.f0_predictor = F0Predictor(config.n_mels, config.f0_channels)
        self.conv_pre = nn.Conv1d(config.n_mels, config.base_channels, 7, padding=3)
        self.ups, self.source_downs = nn.ModuleList(), nn.ModuleList()
        self.source_resblocks, self.resblocks = nn.ModuleList(), nn.ModuleList()
        rates = config.upsample_rates
        # how many frames of the source's STFT, which are as fine as the last level, one value of each level stands for
        shrink = list(accumulate(reversed((*rates[1:], 1)), mul))[::-1]
        levels = zip(rates, config.upsample_kernels, shrink, config.source_kernels, strict=True)
        channels = config.base_channels
        for rate, kernel, down, source_kernel in levels:
            self.ups.append(nn.ConvTranspose1d(channels, channels // 2, kernel, rate, padding=(kernel - rate) // 2))
            channels //= 2
            size, padding = (1, 0) if down == 1 else (2 * down, down // 2)
            self.source_downs.append(nn.Conv1d(bins, channels, size, down, padding=padding))
            self.source_resblocks.append(ResidualBlock(channels, source_kernel, config.dilations))
            self.resblocks.extend(ResidualBlock(channels, k, config.dilations) for k in config.kernels)
        self.conv_post = nn.Conv1d(channels, bins, 7, padding=3)
        self.register_buffer("window", torch.hann_window(config.istft_n_fft), persistent=False)

    @property
    def mel(self) -> MelConfig:
        """Geometry of the mel that it takes."""
        return self.config.mel

    @property
    def look_ahead(self) -> int:
        """Frames on either side on which a frame's samples depend, but for the source's phase, which runs through all.

        Those of the network, of the F0 predictor's five convolutions, and one for the phase between two frames.
        """
        return self._field + 5 + 1

    @property
    def _field(self) -> int:
        """Frames on either side that the network sees: what its convolutions reach at each level's rate, summed."""
        config = self.config
        values, reach = 1.0, 4.0  # values a frame at a level; the first convolution reaches 3, the STFTs less than 1
        levels = zip(config.upsample_rates, config.upsample_kernels, config.source_kernels, strict=True)
        for rate, kernel, source_kernel in levels:
            values *= rate
            taps = source_kernel // 2 + max(config.kernels) // 2  # of the source's blocks and of the level's own
            reach += (kernel + taps * sum(dilation + 1 for dilation in config.dilations)) / values
        return math.ceil(reach)

    @torch.inference_mode()
    def samples_from(self, mel_BMT: Tensor, first: int) -> Tensor:
        """Samples (B, (T − first) · hop) of the frames from `first` on, of a mel that begins with its utterance.

        The source is made for the whole mel, so that its phase goes on; the network sees what it needs of it.
        """
        hop, start = self.config.hop_length, max(0, first - self._field)
        source_B1N = self.m_source(self.f0_predictor(mel_BMT), noise=True)
        return self.decode(mel_BMT[:, :, start:], source_B1N[:, :, start * hop :])[:, (first - start) * hop :]

    def forward(self, mel_BMT: Tensor, noise: bool = True) -> Tensor:
        """Log-mel (B, M, T) to samples (B, T · hop); the noise has a fixed seed."""
        return self.decode(mel_BMT, self.m_source(self.f0_predictor(mel_BMT), noise))

    def decode(self, mel_BMT: Tensor, source_B1N: Tensor) -> Tensor:
        """Mel (B, M, T) and source (B, 1, T · hop) to samples (B, T · hop)."""
        config = self.config
        geometry = (config.istft_n_fft, config.istft_hop)
        spectrum = torch.stft(source_B1N[:, 0], *geometry, window=self.window, return_complex=True)
        excitation = torch.cat([spectrum.real, spectrum.imag], dim=1)
        x = self.conv_pre(mel_BMT)
        kinds = len(config.kernels)
        for level, up in enumerate(self.ups):
            x = up(F.leaky_relu(x, config.slope))
            if level == len(self.ups) - 1:
                x = F.pad(x, (1, 0), mode="reflect")  # a centred STFT has one frame more
            x = x + self.source_resblocks[level](self.source_downs[level](excitation))
            # fields of several sizes, averaged (HiFi-GAN, Kong et al., 2020)
            x = torch.stack([block(x) for block in self.resblocks[kinds * level : kinds * (level + 1)]]).mean(0)
        log_magnitude, phase = self.conv_post(F.leaky_relu(x, LAST_SLOPE)).float().chunk(2, dim=1)
        # the sine of the last layer is the phase, so within ±1 rad: the release's form
        magnitude, phase = log_magnitude.exp().clamp(max=LOUDEST_MAGNITUDE), phase.sin()
        complex_BFT = torch.complex(magnitude * phase.cos(), magnitude * phase.sin())
        return torch.istft(complex_BFT, *geometry, window=self.window).clamp(-config.limit, config.limit)
