"""Batches and loss for the training of the flow model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from glmtts.audio.mel_head import mel_loss
from glmtts.audio.pitch import SEMITONES, median_f0, pitch_loss
from glmtts.flow.cfm import flow_loss
from glmtts.flow.dit import DiT
from glmtts.flow.streaming import block_causal_mask

BLOCK_CAUSAL_SHARE = 0.5
SHORTEST_BLOCK, LONGEST_BLOCK = 24, 400


@dataclass
class FlowBatch:
    """Padded tokens (B, S), mels (B, T, M) with their mask (B, T), speaker embeddings (B, D), F0 (B, T) in Hz."""

    tokens_BS: Tensor
    mel_BTM: Tensor
    mask_BT: Tensor
    speaker_BD: Tensor
    f0_BT: Tensor


Item = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def collate(items: Sequence[Item], frames_per_token: int = 2) -> FlowBatch:
    """Batch (tokens (S,), mel (T, M), speaker (D,), F0 (T,)); each is cut to whole tokens, T = S · frames_per_token."""
    lengths = [min(len(tokens), len(mel) // frames_per_token) for tokens, mel, *_ in items]
    longest = max(lengths)
    tokens_BS = torch.zeros(len(items), longest, dtype=torch.long)
    mel_BTM = torch.zeros(len(items), longest * frames_per_token, items[0][1].shape[1])
    mask_BT = torch.zeros(mel_BTM.shape[:2], dtype=torch.bool)
    f0_BT = torch.zeros(mel_BTM.shape[:2])
    for row, (length, (tokens, mel, _, f0)) in enumerate(zip(lengths, items, strict=True)):
        frames = length * frames_per_token
        tokens_BS[row, :length] = torch.from_numpy(np.array(tokens[:length], dtype=np.int64))
        mel_BTM[row, :frames] = torch.from_numpy(np.array(mel[:frames], dtype=np.float32))
        f0 = np.array(f0[:frames], dtype=np.float32)
        f0_BT[row, : len(f0)] = torch.from_numpy(f0)
        mask_BT[row, :frames] = True
    speakers = torch.from_numpy(np.stack([speaker for _, _, speaker, _ in items]).astype(np.float32))
    return FlowBatch(tokens_BS, mel_BTM, mask_BT, speakers, f0_BT)


def batch_loss(model: DiT, batch: FlowBatch) -> tuple[Tensor, dict[str, float]]:
    """The flow-matching loss of one batch, and where there is a prior the errors of its mel and of its pitch.

    Half of the batches attend in blocks of one random size, for streaming. The velocity sees the prior's mel and does
    not change it, nor does the mel change the pitch; so the pitch counts in octaves, lest it take the clipped gradient.
    """
    visible_TT, frames = None, batch.mel_BTM.shape[1]
    if torch.rand(()) < BLOCK_CAUSAL_SHARE:
        size = int(torch.randint(SHORTEST_BLOCK, LONGEST_BLOCK + 1, ()))
        visible_TT = block_causal_mask([size], frames).to(batch.mel_BTM.device)
    speaker_BD, f0_B = F.normalize(batch.speaker_BD, dim=-1), median_f0(batch.f0_BT)
    tokens_BTE = model.embed_tokens(batch.tokens_BS, frames, speaker_BD, batch.mask_BT, f0_B)
    extra, metrics = tokens_BTE.new_zeros(()), {}
    if model.prior is not None:
        width, config = model.config.token_width, model.config
        guess = model.guess(tokens_BTE).float() * config.mel_std + config.mel_mean
        extra = mel_loss(guess, batch.mel_BTM, batch.mask_BT)
        metrics["prior"] = float(extra.detach())
        tokens_BTE = torch.cat([tokens_BTE[..., :width], tokens_BTE[..., width:].detach()], dim=-1)
        if model.prior.pitch is not None:
            pitch = pitch_loss(*model.prior.pitch.contour(batch.tokens_BS), batch.f0_BT, batch.mask_BT, relative=True)
            extra, metrics["pitch"] = extra + pitch / SEMITONES, float(pitch.detach())
    loss, more = flow_loss(model, tokens_BTE, batch.mel_BTM, batch.mask_BT, speaker_BD, visible_TT)
    return loss + extra, {"flow": float(loss.detach()), **metrics, **more}
