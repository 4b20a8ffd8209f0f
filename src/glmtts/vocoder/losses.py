"""Losses of the vocoder (report section 2.7): hinge, feature matching, log-mel at several resolutions."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glmtts.audio.mel import LogMel, MelConfig

RECONSTRUCTION = ((512, 128, 40), (1024, 256, 80), (2048, 512, 128))  # window and hop in samples, mel bins


def discriminator_loss(real: list[Tensor], fake: list[Tensor]) -> Tensor:
    """Hinge (Lim and Ye, 2017): Σ mean max(0, 1 − D(x)) + mean max(0, 1 + D(G(m))), a scalar.

    `real` and `fake` are the scores of each discriminator, maps of any shape.
    """
    pairs = zip(real, fake, strict=True)
    return torch.stack([F.relu(1 - r.float()).mean() + F.relu(1 + f.float()).mean() for r, f in pairs]).sum()


def generator_loss(fake: list[Tensor]) -> Tensor:
    """Σ mean max(0, 1 − D(G(m))) over the discriminators' scores, maps of any shape; a scalar.

    So SoundStream has it (Zeghidour et al., 2021), and Vocos; the hinge of images has −D(G(m)) here.
    """
    return torch.stack([F.relu(1 - f.float()).mean() for f in fake]).sum()


def feature_loss(real: list[list[Tensor]], fake: list[list[Tensor]]) -> Tensor:
    """Mean absolute difference of the discriminators' features (MelGAN, Kumar et al., 2019), a scalar.

    `real` and `fake` hold for each discriminator the features of each layer; the mean is over all layers of all.
    """
    pairs = [(r, f) for rs, fs in zip(real, fake, strict=True) for r, f in zip(rs, fs, strict=True)]
    return torch.stack([(r.detach() - f).abs().float().mean() for r, f in pairs]).mean()


class ReconstructionLoss(nn.Module):
    """L1 of log-mels at several resolutions (window, hop, mel bins) up to the Nyquist frequency."""

    def __init__(self, sample_rate: int, resolutions: Sequence[tuple[int, int, int]] = RECONSTRUCTION) -> None:
        super().__init__()
        self.mels = nn.ModuleList(
            LogMel(
                # f_max: the mel that a vocoder is given ends at 8 kHz, and what it makes above is compared too
                MelConfig(sample_rate=sample_rate, n_fft=n_fft, hop_length=hop, n_mels=n_mels, f_max=sample_rate / 2)
            )
            for n_fft, hop, n_mels in resolutions
        )

    def forward(self, real_BT: Tensor, fake_BT: Tensor) -> Tensor:
        """Samples (B, T) both, to the mean over the resolutions, a scalar."""
        return torch.stack([F.l1_loss(mel(fake_BT), mel(real_BT)) for mel in self.mels]).mean()
