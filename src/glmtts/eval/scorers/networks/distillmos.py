"""DistillMOS: a small CNN and transformer distilled from an XLS-R quality model (Stahl and Gamper, 2025)."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

SAMPLE_RATE, LENGTH, LONGEST_HOP = 16000, 122880, 16000
# LENGTH has 768 hops, which the last convolution of `_Spectral` halves to FRAMES
HOP, WINDOW, FRAMES = 160, 320, 384


def compressed_spectrum(wave_BT: Tensor) -> Tensor:
    """(B, T) to (B, 2, 161, T / 160): real and imaginary part, the magnitude raised to 0.3."""
    padding = (WINDOW - HOP) // 2
    padded = F.pad(wave_BT, (padding, padding), mode="reflect")
    spectrum = torch.stft(padded, WINDOW, HOP, window=torch.hann_window(WINDOW), center=False, return_complex=True)
    parts = torch.view_as_real(spectrum)
    magnitude = parts.square().sum(-1, keepdim=True).sqrt().clamp(min=1e-12)
    return (magnitude**0.3 * parts / magnitude).permute(0, 3, 1, 2)


class _Spectral(nn.Module):
    """Six convolutions; the frequencies that remain are channels."""

    def __init__(self) -> None:
        super().__init__()
        channels, layers = (2, 64, 64, 128, 256, 256, 256), []
        for number in range(6):
            stride = (1 if number == 0 else 2, 2 if number == 5 else 1)
            layers += [nn.Conv2d(channels[number], channels[number + 1], 3, stride, (0, 1)), nn.LeakyReLU(0.1)]
        self.cnn = nn.Sequential(*layers)

    def forward(self, wave_BT: Tensor) -> Tensor:
        return self.cnn(compressed_spectrum(wave_BT)).flatten(1, 2)


class _Positions(nn.Module):
    pe: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("pe", torch.zeros(1, FRAMES, width))  # stored with the weights

    def forward(self, x: Tensor) -> Tensor:
        return x + self.pe


class _Transformer(nn.Module):
    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.norm, self.linear_proj = nn.BatchNorm1d(inputs), nn.Linear(inputs, width)
        self.position_encoding = _Positions(width)
        layer = nn.TransformerEncoderLayer(width, 8, 2 * width, batch_first=True)
        self.transformer_encoder = nn.TransformerEncoder(layer, 7, enable_nested_tensor=False)

    def forward(self, x_BCT: Tensor) -> Tensor:
        return self.transformer_encoder(self.position_encoding(self.linear_proj(self.norm(x_BCT).transpose(1, 2))))


class _Pooling(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(width, 2 * width), nn.Linear(2 * width, 1)
        self.linear3 = nn.Linear(width, 1)

    def forward(self, x_BTD: Tensor) -> Tensor:
        weight = self.linear2(F.relu(self.linear1(x_BTD))).softmax(1)
        return self.linear3((weight * x_BTD).sum(1))


class _Head(nn.Module):
    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.norm_input, self.transformer = nn.BatchNorm1d(inputs), _Transformer(inputs, width)
        self.norm_trans, self.pool = nn.BatchNorm1d(width), _Pooling(width)

    def forward(self, x_BCT: Tensor) -> Tensor:
        x = self.transformer(self.norm_input(x_BCT))
        return torch.sigmoid(self.pool(self.norm_trans(x.transpose(1, 2)).transpose(1, 2)))


class DistillMosNet(nn.Module):
    """Audio to a mean opinion, 1 to 5."""

    def __init__(self) -> None:
        super().__init__()
        self.cnn = _Spectral()
        self.transformer_pool_attn = _Head(1024, 200)

    def forward(self, wave_T: Tensor) -> Tensor:
        """16 kHz samples (T,) to a score (): the mean over windows of 7.68 s, evenly placed, at most 1 s apart."""
        windows = windows_of(wave_T)
        windows = windows / (windows.abs().amax(1, keepdim=True) + 1e-8)
        # the sigmoid's 0 to 1 as opinions of 1 to 5
        return 1 + 4 * self.transformer_pool_attn(self.cnn(windows)).mean()


def windows_of(wave_T: Tensor) -> Tensor:
    """(T,) to (N, LENGTH); a short wave is followed by zeros."""
    over = max(0, len(wave_T) - LENGTH)
    padded = F.pad(wave_T, (0, max(0, LENGTH - len(wave_T))))
    starts = [int(place * over) for place in np.linspace(0, 1, int(np.ceil(over / LONGEST_HOP)) + 1)]
    return torch.stack([padded[start : start + LENGTH] for start in starts])
