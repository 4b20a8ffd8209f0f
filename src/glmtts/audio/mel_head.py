"""A head that predicts the log-mel from quantised vectors and the speaker.

Not in the report, whose codebook sees enough speech to keep what is said by the ASR loss alone. With hours of speech
the codes lost it: a flow trained on them could not be understood. The speech tokenizer needs the head in training
only; the trained head goes on as the mel prior of the flow (flow/prior.py).
"""

from collections.abc import Iterator
from itertools import repeat
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

MEL_MEAN, MEL_STD = -5.5, 2.5  # of log-mels of clean speech, so that the last layer predicts about unit variance


class ModulatedBlock(nn.Module):
    """ConvNeXt over time whose norm is scaled and shifted by the speaker."""

    def __init__(self, width: int, condition: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel_size=7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width)
        self.modulation = nn.Linear(condition, 2 * width)
        self.up, self.down = nn.Linear(width, 3 * width), nn.Linear(3 * width, width)

    def forward(
        self, x_BTD: Tensor, speaker_BE: Tensor, mask_BT1: Tensor, adaptation_BK: Tensor | None = None
    ) -> Tensor:
        """Shape (B, T, D) in and out; padding counts as zeros. `adaptation_BK` adds to scale and shift, K = 2 D."""
        hidden = self.norm(self.depthwise((x_BTD * mask_BT1).transpose(1, 2)).transpose(1, 2))
        modulation_BK = self.modulation(speaker_BE)
        if adaptation_BK is not None:
            modulation_BK = modulation_BK + adaptation_BK
        # (B, 2 D) to two of (B, 1, D): one modulation for all frames
        scale, shift = modulation_BK[:, None].chunk(2, dim=-1)
        return x_BTD + self.down(F.gelu(self.up(hidden * (1 + scale) + shift)))


class MelHead(nn.Module):
    """Blocks at the token rate, up-sampling, blocks at the frame rate, log-mel.

    `width` None takes vectors that have `channels` entries already (flow/prior.py).
    """

    def __init__(
        self, width: int | None, upsample: int, channels: int = 256, n_mels: int = 80, speaker: int = 192
    ) -> None:
        super().__init__()
        self.in_proj = nn.Identity() if width is None else nn.Linear(width, channels)
        self.token_blocks = nn.ModuleList(ModulatedBlock(channels, speaker) for _ in range(2))
        self.expand = nn.Linear(channels, upsample * channels)
        self.frame_blocks = nn.ModuleList(ModulatedBlock(channels, speaker) for _ in range(3))
        self.out = nn.Linear(channels, n_mels)

    @property
    def adaptation_shape(self) -> tuple[int, int]:
        """Blocks, and the size of what modulates each: the shape (L, K) of a voice's adaptation."""
        blocks = [*self.token_blocks, *self.frame_blocks]
        return len(blocks), cast(ModulatedBlock, blocks[0]).modulation.out_features

    def forward(
        self,
        quantised_BSD: Tensor,
        speaker_BE: Tensor,
        mask_BS: Tensor,
        excitation_BTD: Tensor | None = None,
        adaptation_BLK: Tensor | None = None,
    ) -> Tensor:
        """Quantised vectors (B, S, D), unit speaker vectors (B, E) and a mask to log-mels (B, S · upsample, M).

        `excitation_BTD` is added where the frame rate is reached (flow/pitch.py), `adaptation_BLK` to what modulates
        the L blocks (flow/adaptation.py).
        """
        own: Iterator[Tensor | None] = repeat(None) if adaptation_BLK is None else iter(adaptation_BLK.unbind(1))
        mask_BS1 = mask_BS[..., None]
        x = self.in_proj(quantised_BSD)
        for block in self.token_blocks:
            x = block(x, speaker_BE, mask_BS1, next(own))
        # (B, S, upsample · D) to (B, S · upsample, D); what `flatten` makes, the tracer of an export takes for as many
        # frames as its example has
        x = self.expand(x).reshape(x.shape[0], -1, self.expand.in_features)
        if excitation_BTD is not None:
            x = x + excitation_BTD
        mask_BT1 = mask_BS1.repeat_interleave(self.expand.out_features // self.expand.in_features, dim=1)
        for block in self.frame_blocks:
            x = block(x, speaker_BE, mask_BT1, next(own))
        return self.out(x) * MEL_STD + MEL_MEAN


def mel_loss(predicted_BTM: Tensor, mel_BTM: Tensor, mask_BT: Tensor) -> Tensor:
    """Mean absolute error of log-mels over real frames."""
    error_BT = (predicted_BTM.float() - mel_BTM).abs().mean(-1)
    return (error_BT * mask_BT).sum() / mask_BT.sum()
