"""HarmonicVocos: Vocos that filters a given source, pulses at F0 and noise, in place of making harmonics itself.

A mel of 80 bins does not hold the harmonics above some 1.5 kHz, and a small vocoder smears them. Here F0 is read from
the mel, the source has all its harmonics (vocoder/source.py), and what is predicted is smooth: two envelopes and a
phase (source and filter as in HiFTNet, Li et al., 2023; ConvNeXt frames and inverse STFT as in Vocos, Siuzdak, 2023).
"""

from typing import Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from glmtts.audio.f0 import REFERENCE_HZ
from glmtts.audio.mel import MelConfig
from glmtts.vocoder.geometry import Compilable, MelGeometry
from glmtts.vocoder.istft import InverseSTFT
from glmtts.vocoder.pitch import PitchNetwork, octaves_of_logits
from glmtts.vocoder.source import noise, pulses
from glmtts.vocoder.vocos import Block

WINDOWS = 4  # fine hops that one window spans
LOUDEST = 3.0  # of a log-gain: a source of unit power comes out 26 dB above full scale
SILENT = -5.0  # log-gain that training begins with


class HarmonicVocosConfig(MelGeometry):
    """Geometry and size: blocks at the mel's frames, then at frames `finer` times as many.

    `look_ahead` are the frames that a stream waits for, as measured with trained weights: what lies further changes
    samples by less than is heard. Where it is None, a stream waits for all that samples depend on; it never waits for
    more, nor for less than F0 needs.
    """

    mel_mean: float = -5.5
    mel_std: float = Field(default=2.5, gt=0)
    pitch_width: int = Field(default=160, ge=1)
    pitch_layers: int = Field(default=4, ge=1)
    width: int = Field(default=256, ge=1)
    layers: int = Field(default=6, ge=1)
    kernel: int = Field(default=5, ge=1)
    fine_width: int = Field(default=128, ge=1)
    fine_layers: int = Field(default=3, ge=1)
    fine_kernel: int = Field(default=7, ge=1)
    expansion: int = Field(default=3, ge=1)
    finer: int = Field(default=4, ge=1)
    look_ahead: int | None = Field(default=None, ge=1)

    @property
    def inner_hop(self) -> int:
        """Samples between two fine frames."""
        return self.hop_length // self.finer

    @model_validator(mode="after")
    def _divides(self) -> Self:
        if self.hop_length % self.finer or self.kernel % 2 == 0 or self.fine_kernel % 2 == 0:
            raise ValueError("hop_length must be a multiple of finer, and kernels odd")
        return self


class HarmonicVocos(Compilable, nn.Module):
    """Log-mel to waveform."""

    BLOCKS = ("blocks", "fine_blocks")

    def __init__(self, config: HarmonicVocosConfig) -> None:
        super().__init__()
        self.config = config
        self.n_fft = WINDOWS * config.inner_hop
        self.pitch = PitchNetwork(config.n_mels, config.pitch_width, config.pitch_layers)
        self.embed = nn.Conv1d(config.n_mels + 1, config.width, config.kernel, padding=config.kernel // 2)
        self.first_norm = nn.LayerNorm(config.width)
        self.blocks = nn.ModuleList(
            Block(config.width, config.expansion, config.kernel, 1 / config.layers) for _ in range(config.layers)
        )
        self.split = nn.Linear(config.width, config.fine_width * config.finer)
        self.fine_blocks = nn.ModuleList(
            Block(config.fine_width, config.expansion, config.fine_kernel, 1 / config.fine_layers)
            for _ in range(config.fine_layers)
        )
        self.norm = nn.LayerNorm(config.fine_width)
        self.head = nn.Linear(config.fine_width, 3 * (self.n_fft // 2 + 1))
        # small: training begins with nearly flat envelopes about SILENT
        nn.init.normal_(self.head.weight, std=0.01)
        self.istft = InverseSTFT(self.n_fft, config.inner_hop)

    @property
    def mel(self) -> MelConfig:
        """Geometry of the mel that it takes."""
        return self.config.mel

    @property
    def reach(self) -> int:
        """Frames on either side that a frame's samples depend on, but for the phase, which runs through all.

        The pitch network's, one for F0 between two frames, the convolutions', the windows' of source and output.
        """
        config = self.config
        # WINDOWS fine frames: half a window of the source's STFT, half a window of the output's
        inner = config.fine_layers * (config.fine_kernel // 2) + WINDOWS
        return self._reach_of_phase + (config.layers + 1) * (config.kernel // 2) - (-inner // config.finer)

    @property
    def look_ahead(self) -> int:
        """Frames on either side that a stream gives a frame; never fewer than its phase needs, which goes on."""
        if self.config.look_ahead is None:
            return self.reach
        return min(self.reach, max(self._reach_of_phase, self.config.look_ahead))

    @property
    def _reach_of_phase(self) -> int:
        return self.pitch.reach + 1

    def pitch_logits(self, mel_BMT: Tensor) -> Tensor:
        """Scores of the bins of pitch (B, P, T) for a log-mel (B, M, T)."""
        logits_BPT: Tensor = self.pitch(self._normalised(mel_BMT))
        return logits_BPT

    def octaves(self, mel_BMT: Tensor) -> Tensor:
        """F0 in octaves from 150 Hz (B, T) as it is read from a log-mel (B, M, T)."""
        return octaves_of_logits(self.pitch_logits(mel_BMT))

    def forward(self, mel_BMT: Tensor) -> Tensor:
        """Log-mel (B, M, T) to samples (B, T · hop). No gradient goes through F0: phase tells it nothing."""
        octaves_BT = self.octaves(mel_BMT).detach()
        return self.filtered(mel_BMT, octaves_BT, self.source(octaves_BT))

    @torch.inference_mode()
    def samples_from(self, mel_BMT: Tensor, first: int) -> Tensor:
        """Samples (B, (T − first) · hop) of the frames from `first` on, of a mel that begins with its utterance.

        F0 is read from the whole mel, so that the phase goes on; the network sees what it needs of it.
        """
        hop, start = self.config.hop_length, max(0, first - self.look_ahead)
        octaves_BT = self.octaves(mel_BMT)
        source_2BN = self.source(octaves_BT, start)
        return self.filtered(mel_BMT[..., start:], octaves_BT[:, start:], source_2BN)[:, (first - start) * hop :]

    def hertz(self, octaves_BT: Tensor) -> Tensor:
        """F0 in Hz of octaves from 150 Hz."""
        return REFERENCE_HZ * 2**octaves_BT  # exp2 is no operator of ONNX

    def source(self, octaves_BT: Tensor, first: int = 0) -> Tensor:
        """Pulses and noise (2, B, (T − first) · hop) from frame `first` on; F0 (B, T) begins with its utterance."""
        hop, rate = self.config.hop_length, self.config.sample_rate
        octaves_BT = octaves_BT.float()
        noise_N = noise(first * hop, (octaves_BT.shape[1] - first) * hop, octaves_BT.device)
        pulses_BN = pulses(self.hertz(octaves_BT), hop, rate, first)
        return torch.stack([pulses_BN, noise_N.expand_as(pulses_BN)])

    def filtered(self, mel_BMT: Tensor, octaves_BT: Tensor, source_2BN: Tensor) -> Tensor:
        """The source (2, B, T · hop) through the filters that a log-mel (B, M, T) asks for: samples (B, T · hop)."""
        harmonic, breath, phase = self.filters(mel_BMT, octaves_BT)
        pulses_BFT, noise_BFT = (self._spectrum(signal_BN) for signal_BN in source_2BN)
        turned_BFT = pulses_BFT * torch.complex(harmonic * phase.cos(), harmonic * phase.sin())
        return self.istft(turned_BFT + breath * noise_BFT)

    def filters(self, mel_BMT: Tensor, octaves_BT: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gain of the pulses, gain of the noise, phase of the pulses' filter; each (B, n_fft // 2 + 1, T · finer)."""
        config = self.config
        x_BMT = torch.cat([self._normalised(mel_BMT), octaves_BT[:, None]], dim=1)
        x = self.first_norm(self.embed(x_BMT).transpose(1, 2))
        for block in self.blocks:
            x = block(x)
        # (B, T, finer · D) to (B, T · finer, D): every frame becomes `finer` fine ones
        x = self.split(x).unflatten(2, (config.finer, config.fine_width)).flatten(1, 2)
        for block in self.fine_blocks:
            x = block(x)
        harmonic, breath, phase = self.head(self.norm(x)).float().transpose(1, 2).chunk(3, dim=1)
        return (harmonic + SILENT).clamp(max=LOUDEST).exp(), (breath + SILENT).clamp(max=LOUDEST).exp(), phase

    def _spectrum(self, signal_BN: Tensor) -> Tensor:
        """STFT (B, n_fft // 2 + 1, T · finer) whose inverse is `istft`."""
        hop = self.config.inner_hop
        # of an odd number the end has one more: T · hop samples make T frames
        whole, cut = self.n_fft - hop, (self.n_fft - hop) // 2
        padded_BN, window = F.pad(signal_BN, (cut, whole - cut)), self.istft.window
        return torch.stft(padded_BN, self.n_fft, hop, window=window, center=False, return_complex=True)

    def _normalised(self, mel_BMT: Tensor) -> Tensor:
        return (mel_BMT - self.config.mel_mean) / self.config.mel_std
