"""A laughter detector: a small ResNet over a second of log-mel (Gillick et al., 2021)."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glmtts.audio.mel import mel_filters

# of the published code; a hop is 23 ms
SAMPLE_RATE, N_FFT, HOP, N_MELS, WINDOW = 8000, 2048, 186, 128, 44
RANGE_DB = 80.0


def decibels(wave: np.ndarray) -> Tensor:
    """Power mel (frames, N_MELS) of 8 kHz samples in 20 log10 below the loudest, at most 80."""
    padded = torch.from_numpy(np.pad(wave, N_FFT // 2, mode="reflect"))
    power = torch.stft(padded, N_FFT, HOP, window=torch.hann_window(N_FFT), center=False, return_complex=True)
    mel = mel_filters(SAMPLE_RATE, N_FFT, N_MELS, 0.0, SAMPLE_RATE / 2) @ power.abs().square()
    level = 20 * torch.log10(mel.clamp(min=1e-5) / mel.max().clamp(min=1e-5))
    return level.clamp(min=-RANGE_DB).T.contiguous()


class _Block(nn.Module):
    """Two 3 × 3 convolutions with a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            pointwise = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut = nn.Sequential(pointwise, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        inner = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(inner + self.shortcut(x))


class LaughterNet(nn.Module):
    """Windows of 44 frames (about a second) to the probability that somebody laughs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64)
        sizes = ((64, 64, 1), (64, 32, 2), (32, 16, 2), (16, 16, 2))
        for number, (inputs, outputs, stride) in enumerate(sizes, 1):
            block = nn.Sequential(_Block(inputs, outputs, stride), _Block(outputs, outputs, 1))
            self.add_module(f"block{number}", block)
        self.bn2, self.linear1, self.bn3 = nn.BatchNorm1d(64), nn.Linear(64, 32), nn.BatchNorm1d(32)
        self.linear2 = nn.Linear(32, 1)

    def forward(self, windows_NTM: Tensor) -> Tensor:
        """(N, WINDOW, N_MELS) to (N,)."""
        x = F.relu(self.bn1(self.conv1(windows_NTM[:, None])))
        for number in range(1, 5):
            x = self.get_submodule(f"block{number}")(x)
        x = self.bn2(F.avg_pool2d(x, 4).flatten(1))
        return torch.sigmoid(self.linear2(F.relu(self.bn3(self.linear1(x)))))[:, 0]
