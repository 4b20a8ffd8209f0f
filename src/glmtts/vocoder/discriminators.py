"""The multi-resolution discriminator on spectrograms (Jang et al., 2021)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

RESOLUTIONS = ((2048, 512), (1024, 256), (512, 128))  # window and hop in samples, as in Vocos


class ResolutionDiscriminator(nn.Module):
    """Strided 2-D convolutions over the compressed magnitude of one STFT."""

    window: Tensor

    def __init__(self, n_fft: int, hop_length: int, channels: int) -> None:
        super().__init__()
        self.n_fft, self.hop_length = n_fft, hop_length
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        strides = ((1, 1), (2, 1), (2, 1), (2, 1), (1, 1))
        inputs = [1, *[channels] * 4]
        self.convolutions = nn.ModuleList(
            weight_norm(nn.Conv2d(size, channels, (7, 3), stride, padding=(3, 1)))
            for size, stride in zip(inputs, strides, strict=True)
        )
        self.out = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, samples_BT: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Samples (B, T) to a map of scores and the features of every layer."""
        spectrum = torch.stft(samples_BT, self.n_fft, self.hop_length, window=self.window, return_complex=True)
        power = spectrum.real.square() + spectrum.imag.square()
        x, features = torch.log1p(10 * torch.sqrt(power + 1e-7))[:, None], []
        for convolution in self.convolutions:
            x = F.leaky_relu(convolution(x), 0.1)
            features.append(x)
        return self.out(x), features


class MultiResolutionDiscriminator(nn.Module):
    """One discriminator a resolution; there is no multi-period one (report section 2.7)."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        self.members = nn.ModuleList(ResolutionDiscriminator(*size, channels) for size in RESOLUTIONS)

    def forward(self, samples_BT: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        """Scores and features of every resolution for samples (B, T)."""
        scores, features = zip(*(member(samples_BT) for member in self.members), strict=True)
        return list(scores), list(features)
