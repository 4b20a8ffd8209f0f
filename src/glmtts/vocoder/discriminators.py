"""Discriminators: of spectrograms at several resolutions (Jang et al., 2021), of periods (Kong et al., 2020)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

SLOPE = 0.1  # of the leaky rectifiers, as in HiFi-GAN
KEEPS_POWER = (3 * 2 / (1 + SLOPE**2)) ** 0.5  # PyTorch draws weights of variance 1 / (3 · inputs)
SPEECH = 0.1  # root mean square of speech, which discriminators of periods take to 1
RESOLUTIONS = ((2048, 512), (1024, 256), (512, 128))  # window and hop in samples, as in Vocos


def _normed(convolution: nn.Conv2d) -> nn.Module:
    """With weight norm, and a norm under which what goes through keeps its power.

    Under PyTorch's own first weights it is nearly halved in every layer, and what the last one sees hardly differs:
    after 72 steps on real and made speech the hinge of eight discriminators stood at 14.4 (16 is a guess), so at 7.
    Channels are last in memory: in bfloat16 it takes a third of the time so with AMX.
    """
    convolution.weight = nn.Parameter(convolution.weight.detach().contiguous(memory_format=torch.channels_last))
    normed = weight_norm(convolution)
    with torch.no_grad():
        normed.parametrizations.weight.original0.mul_(KEEPS_POWER)
    return normed


class ResolutionDiscriminator(nn.Module):
    """Strided 2-D convolutions over the compressed magnitude of one STFT."""

    window: Tensor

    def __init__(self, n_fft: int, hop_length: int, channels: int) -> None:
        super().__init__()
        self.n_fft, self.hop_length = n_fft, hop_length
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        # frequencies are halved, frames stay: every frame is judged
        strides = ((2, 1), (2, 1), (2, 1), (2, 1), (1, 1))
        inputs = [1, *[channels] * 4]
        self.convolutions = nn.ModuleList(
            _normed(nn.Conv2d(size, channels, (7, 3), stride, padding=(3, 1)))
            for size, stride in zip(inputs, strides, strict=True)
        )
        self.out = _normed(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, samples_BT: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Samples (B, T) to a map of scores (B, 1, about F / 16, frames) and the features of every layer."""
        # the STFT knows no bfloat16, and 1e-7 keeps the gradient of the root finite where there is silence
        with torch.autocast(samples_BT.device.type, enabled=False):
            window, samples = self.window, samples_BT.float()
            spectrum = torch.stft(samples, self.n_fft, self.hop_length, window=window, return_complex=True)
            power = spectrum.real.square() + spectrum.imag.square()
            maps = torch.log1p(10 * torch.sqrt(power + 1e-7))
        x, features = maps[:, None].contiguous(memory_format=torch.channels_last), []
        for convolution in self.convolutions:
            x = F.leaky_relu(convolution(x), SLOPE)
            features.append(x)
        return self.out(x), features


class PeriodDiscriminator(nn.Module):
    """Samples folded into rows of one period: strided convolutions down the rows, none across them.

    Kernels and strides are HiFi-GAN's (Kong et al., 2020), its channels grow to 1024.
    """

    def __init__(self, period: int, channels: int) -> None:
        super().__init__()
        self.period = period
        sizes = [1, channels, 2 * channels, 4 * channels, 8 * channels, 8 * channels]
        strides = (3, 3, 3, 3, 1)
        self.convolutions = nn.ModuleList(
            _normed(nn.Conv2d(before, after, (5, 1), (stride, 1), padding=(2, 0)))
            for before, after, stride in zip(sizes, sizes[1:], strides, strict=False)
        )
        self.out = _normed(nn.Conv2d(sizes[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, samples_BT: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Samples (B, T) to scores (B, 1, about rows / 81, period) and the features of every layer.

        What fills no row of a period is left out.
        """
        rows = samples_BT.shape[1] // self.period
        # (B, 1, rows, period): a column holds every period-th sample
        x = samples_BT[:, : rows * self.period].view(-1, 1, rows, self.period) / SPEECH
        features = []
        for convolution in self.convolutions:
            x = F.leaky_relu(convolution(x), SLOPE)
            features.append(x)
        return self.out(x), features


class Discriminators(nn.Module):
    """One discriminator a resolution, and one a period where periods are given.

    The report's vocoder has none of periods (section 2.7); Vocos has both.
    """

    def __init__(self, channels: int = 16, periods: Sequence[int] = (), period_channels: int = 16) -> None:
        super().__init__()
        resolutions = (ResolutionDiscriminator(*size, channels) for size in RESOLUTIONS)
        folded = (PeriodDiscriminator(period, period_channels) for period in periods)
        self.members = nn.ModuleList([*resolutions, *folded])

    def forward(self, samples_BT: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        """Scores and features of every member for samples (B, T)."""
        scores, features = zip(*(member(samples_BT) for member in self.members), strict=True)
        return list(scores), list(features)
