"""The pitch estimator: F0 read from the quantised representation, so that the tokens must carry it."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glmtts.audio.f0 import REFERENCE_HZ

SEMITONES = 12  # in an octave


class PitchEstimator(nn.Module):
    """Two convolutions on tokens up-sampled to the frame rate; pitch in octaves and voicing for every frame."""

    def __init__(self, width: int, upsample: int, channels: int = 256) -> None:
        super().__init__()
        self.upsample = upsample
        self.expand = nn.Conv1d(width, channels * upsample, kernel_size=3, padding=1)
        self.mix = nn.Conv1d(channels, channels, kernel_size=5, padding=2)
        self.out = nn.Conv1d(channels, 2, kernel_size=1)

    def forward(self, quantised_BSD: Tensor, mask_BS: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Quantised vectors (B, S, D) to octaves from the reference and voicing logits, both (B, S · upsample).

        With `mask_BS`, true on real tokens, padding is zero for both convolutions, as if it were not there.
        """
        batch, tokens, _ = quantised_BSD.shape
        visible = quantised_BSD if mask_BS is None else quantised_BSD * mask_BS[..., None]
        wide = self.expand(visible.transpose(1, 2))
        # (B, C · upsample, S) to (B, C, S · upsample): the frames of a token are channels of its vector
        frames = wide.view(batch, -1, self.upsample, tokens).transpose(2, 3).reshape(batch, -1, tokens * self.upsample)
        frames = F.gelu(frames)
        if mask_BS is not None:
            frames = frames * mask_BS.repeat_interleave(self.upsample, dim=1)[:, None]
        pitch, voicing = self.out(F.gelu(self.mix(frames))).unbind(1)
        return pitch, voicing


def octaves_of(f0_BT: Tensor, relative: bool) -> Tensor:
    """F0 (B, T) in Hz to octaves from 150 Hz, or from the median of each utterance's voiced frames.

    Relative pitch leaves the height of a voice to the speaker embedding and tone and intonation to the tokens.
    """
    # unvoiced frames are 0 and have no logarithm; the losses leave them out
    octaves_BT = torch.log2(f0_BT.clamp(min=40) / REFERENCE_HZ)
    return octaves_BT - torch.log2(median_f0(f0_BT) / REFERENCE_HZ)[:, None] if relative else octaves_BT


def median_f0(f0_BT: Tensor) -> Tensor:
    """Median (B,) of the voiced frames of F0 (B, T) in Hz, 0 where unvoiced; 150 Hz where no frame is voiced."""
    return f0_BT.where(f0_BT > 0, torch.nan).nanmedian(dim=1).values.nan_to_num(REFERENCE_HZ)


def pitch_loss(pitch_BT: Tensor, voicing_BT: Tensor, f0_BT: Tensor, mask_BT: Tensor, relative: bool) -> Tensor:
    """L1 in semitones over voiced frames plus binary cross-entropy of voicing over all; F0 in Hz, 0 = unvoiced."""
    voiced = (f0_BT > 0) & mask_BT.bool()
    target = octaves_of(f0_BT, relative)
    octaves = (pitch_BT.float() - target).abs().mul(voiced).sum() / voiced.sum().clamp(min=1)
    entropy = F.binary_cross_entropy_with_logits(voicing_BT.float(), voiced.float(), reduction="none")
    return SEMITONES * octaves + entropy.mul(mask_BT).sum() / mask_BT.sum().clamp(min=1)
