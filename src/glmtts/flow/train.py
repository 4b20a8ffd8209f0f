"""Batches for the training of the flow model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from glmtts.flow.cfm import flow_loss
from glmtts.flow.dit import DiT
from glmtts.flow.streaming import block_causal_mask

BLOCK_CAUSAL_SHARE = 0.5
SHORTEST_BLOCK, LONGEST_BLOCK = 50, 400


@dataclass
class FlowBatch:
    """Padded tokens (B, S), mels (B, T, M) with their mask (B, T), speaker embeddings (B, D)."""

    tokens_BS: Tensor
    mel_BTM: Tensor
    mask_BT: Tensor
    speaker_BD: Tensor


def collate(items: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], frames_per_token: int = 2) -> FlowBatch:
    """Batch (tokens (S,), mel (T, M), speaker (D,)); each is cut to whole tokens, T = S · frames_per_token."""
    lengths = [min(len(tokens), len(mel) // frames_per_token) for tokens, mel, _ in items]
    longest = max(lengths)
    tokens_BS = torch.zeros(len(items), longest, dtype=torch.long)
    mel_BTM = torch.zeros(len(items), longest * frames_per_token, items[0][1].shape[1])
    mask_BT = torch.zeros(mel_BTM.shape[:2], dtype=torch.bool)
    for row, (length, (tokens, mel, _)) in enumerate(zip(lengths, items, strict=True)):
        frames = length * frames_per_token
        tokens_BS[row, :length] = torch.from_numpy(np.array(tokens[:length], dtype=np.int64))
        mel_BTM[row, :frames] = torch.from_numpy(np.array(mel[:frames], dtype=np.float32))
        mask_BT[row, :frames] = True
    speakers = torch.from_numpy(np.stack([speaker for *_, speaker in items]).astype(np.float32))
    return FlowBatch(tokens_BS, mel_BTM, mask_BT, speakers)


def batch_loss(model: DiT, batch: FlowBatch) -> tuple[Tensor, dict[str, float]]:
    """The flow-matching loss of one batch; half of the batches attend in blocks of one random size, for streaming."""
    visible_TT = None
    if torch.rand(()) < BLOCK_CAUSAL_SHARE:
        size = int(torch.randint(SHORTEST_BLOCK, LONGEST_BLOCK + 1, ()))
        visible_TT = block_causal_mask([size], batch.mel_BTM.shape[1]).to(batch.mel_BTM.device)
    return flow_loss(model, batch.tokens_BS, batch.mel_BTM, batch.mask_BT, batch.speaker_BD, visible_TT)
