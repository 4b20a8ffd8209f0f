"""NISQA: speech quality and the naturalness of synthetic speech (Mittag et al., 2021; Mittag and Möller, 2020).

`Nisqa` predicts the mean opinion and four dimensions: a CNN over segments of 150 ms, self-attention over time,
attention pooling for each dimension. `NisqaTts` predicts naturalness: a CNN, a bidirectional LSTM, its last steps.
"""

from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glmtts.audio.mel import mel_filters

N_FFT, N_MELS, SEGMENT = 4096, 48, 15
QUIETEST, RANGE_DB = 1e-4, 80.0


def segments(wave: np.ndarray, rate: int, highest_hz: float, hop: int) -> Tensor:
    """Segments (S, 1, N_MELS, SEGMENT) of the log-mel in dB, one every `hop` frames of 10 ms; none of shorter audio.

    Amplitude mel of Slaney's filters up to `highest_hz`, windows of 20 ms in a transform of 4096 at the audio's own
    rate, as the published code.
    """
    hop_length, win_length = int(rate * 0.01), int(rate * 0.02)
    if len(wave) < 2:
        return torch.zeros(0, 1, N_MELS, SEGMENT)
    padded = torch.from_numpy(np.pad(wave, N_FFT // 2, mode="reflect"))  # NumPy reflects also what is shorter
    window = torch.hann_window(win_length)
    spectrum = torch.stft(padded, N_FFT, hop_length, win_length, window, center=False, return_complex=True).abs()
    mel = mel_filters(rate, N_FFT, N_MELS, 0.0, highest_hz) @ spectrum
    decibels = 20 * torch.log10(mel.clamp(min=QUIETEST))
    # as librosa's amplitude_to_db does, by which the network's features were made
    decibels = decibels.clamp(min=float(decibels.max()) - RANGE_DB)
    if decibels.shape[1] < SEGMENT:
        return torch.zeros(0, 1, N_MELS, SEGMENT)
    return decibels.unfold(1, SEGMENT, 1)[:, ::hop].transpose(0, 1)[:, None]


class _Convolutions(nn.Module):
    """Six 3 × 3 convolutions with batch norm and ReLU; what is pooled between them differs."""

    def __init__(self, last: tuple[int, int], padding: tuple[int, int]) -> None:
        super().__init__()
        channels = (1, 16, 32, 64, 64, 64)
        for number, (inputs, outputs) in enumerate(pairwise(channels), 1):
            self.add_module(f"conv{number}", nn.Conv2d(inputs, outputs, 3, padding=1))
            self.add_module(f"bn{number}", nn.BatchNorm2d(outputs))
        self.conv6, self.bn6 = nn.Conv2d(64, 64, last, padding=padding), nn.BatchNorm2d(64)

    def layer(self, number: int, x: Tensor) -> Tensor:
        """Convolution, batch norm, ReLU number `number`."""
        return F.relu(self.get_submodule(f"bn{number}")(self.get_submodule(f"conv{number}")(x)))


class _AdaptiveCnn(_Convolutions):
    """Segments to (S, 384), pooled to fixed sizes."""

    def __init__(self) -> None:
        super().__init__((3, 3), (1, 0))

    def forward(self, x_S1MT: Tensor) -> Tensor:
        x = F.adaptive_max_pool2d(self.layer(1, x_S1MT), (24, 7))
        x = F.adaptive_max_pool2d(self.layer(2, x), (12, 5))
        x = F.adaptive_max_pool2d(self.layer(4, self.layer(3, x)), (6, 3))
        return self.layer(6, self.layer(5, x)).flatten(1)


class _StandardCnn(_Convolutions):
    """Segments to (S, 20), halved three times."""

    def __init__(self) -> None:
        super().__init__((3, 3), (1, 1))
        self.fc_out = nn.Linear(64 * 6 * 2, 20)

    def forward(self, x_S1MT: Tensor) -> Tensor:
        x = F.max_pool2d(self.layer(1, x_S1MT), 2, padding=(0, 1))
        x = F.max_pool2d(self.layer(2, x), 2)
        x = F.max_pool2d(self.layer(4, self.layer(3, x)), 2)
        return self.fc_out(self.layer(6, self.layer(5, x)).flatten(1))


class _AttentionLayer(nn.Module):
    """Post-norm self-attention with one head, and a feed-forward of the same width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(width, 1, batch_first=True)
        self.linear1, self.linear2 = nn.Linear(width, width), nn.Linear(width, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x_BTD: Tensor) -> Tensor:
        x = self.norm1(x_BTD + self.self_attn(x_BTD, x_BTD, x_BTD, need_weights=False)[0])
        return self.norm2(x + self.linear2(F.relu(self.linear1(x))))


class _SelfAttention(nn.Module):
    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.norm1, self.linear = nn.LayerNorm(width), nn.Linear(inputs, width)
        self.layers = nn.ModuleList(_AttentionLayer(width) for _ in range(2))

    def forward(self, x_BTD: Tensor) -> Tensor:
        x = self.norm1(self.linear(x_BTD))
        for layer in self.layers:
            x = layer(x)
        return x


class _AttentionPooling(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear1, self.linear2, self.linear3 = nn.Linear(width, 128), nn.Linear(128, 1), nn.Linear(width, 1)

    def forward(self, x_BTD: Tensor) -> Tensor:
        weight = self.linear2(F.relu(self.linear1(x_BTD))).softmax(1)
        return self.linear3((weight * x_BTD).sum(1))


class _Lstm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(20, 128, batch_first=True, bidirectional=True)

    def forward(self, x_BTD: Tensor) -> Tensor:
        return self.lstm(x_BTD)[0]


class _LastSteps(nn.Module):
    """The last step of the forward direction and the first of the backward one."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(256, 1)

    def forward(self, x_BTD: Tensor) -> Tensor:
        forward, backward = x_BTD.chunk(2, dim=-1)
        return self.linear(torch.cat([forward[:, -1], backward[:, 0]], 1))


class _Named(nn.Module):
    """A module under the name `model`, as the published weights have it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class Nisqa(nn.Module):
    """Mean opinion, noisiness, discontinuity, coloration, loudness (in this order), each 1 to 5; higher is better."""

    HIGHEST_HZ, HOP, LONGEST_SECONDS = 20000.0, 4, 52.0  # 1300 segments

    def __init__(self) -> None:
        super().__init__()
        self.cnn = _Named(_AdaptiveCnn())
        self.time_dependency = _Named(_SelfAttention(384, 64))
        self.pool_layers = nn.ModuleList(_Named(_AttentionPooling(64)) for _ in range(5))

    def forward(self, segments_S1MT: Tensor) -> Tensor:
        """Segments of one clip to its five scores (5,)."""
        x = self.time_dependency(self.cnn(segments_S1MT)[None])
        return torch.cat([pool(x)[0] for pool in self.pool_layers])


class NisqaTts(nn.Module):
    """Naturalness of synthetic speech, 1 to 5."""

    HIGHEST_HZ, HOP, LONGEST_SECONDS = 8000.0, 1, 60.0  # 6000 segments

    def __init__(self) -> None:
        super().__init__()
        self.cnn, self.time_dependency, self.pool = _Named(_StandardCnn()), _Named(_Lstm()), _Named(_LastSteps())

    def forward(self, segments_S1MT: Tensor) -> Tensor:
        """Segments of one clip to its score (1,)."""
        return self.pool(self.time_dependency(self.cnn(segments_S1MT)[None]))[0]
