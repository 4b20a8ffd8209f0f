"""Block-wise flow matching: block-causal attention, and mels that grow while finished frames stay as they are.

A frame sees the whole of its block and all blocks before it, and in the second half of a block also a look-ahead
beyond itself, so that the first frames of the next block are known to the last ones of this.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from glmtts.flow.cfm import Solver, guided_velocity
from glmtts.flow.dit import DiT

LONG_BLOCK = 172


def look_ahead(block: int) -> int:
    """Frames that a frame of a block of `block` frames sees beyond itself: half a block, two thirds of a long one."""
    return block * 2 // 3 if block > LONG_BLOCK else block // 2


def tokens_needed(block: int) -> int:
    """Tokens that must be there before a block of `block` tokens can be computed: itself and its look-ahead."""
    return block + look_ahead(2 * block) // 2


def block_causal_mask(blocks: Sequence[int], frames: int) -> Tensor:
    """True where row i may attend to column j, (frames, frames), for blocks of these sizes; the last one repeats."""
    ends_T = torch.empty(frames, dtype=torch.long)
    start, number = 0, 0
    while start < frames:
        size = blocks[min(number, len(blocks) - 1)]
        rows = torch.arange(start, min(start + size, frames))
        ends_T[rows] = (rows + 1 + look_ahead(size)).clamp(min=start + size)
        start, number = start + size, number + 1
    return torch.arange(frames)[None, :] < ends_T[:, None]


@dataclass
class FlowState:
    """What a stream keeps between chunks: x before every Euler step, each (B, T, M)."""

    steps: list[Tensor]


@torch.inference_mode()
def sample_chunk(
    model: DiT,
    tokens_BS: Tensor,
    speaker_BD: Tensor,
    prompt_mel_BMP: Tensor,
    noise_BTM: Tensor,
    solver: Solver,
    visible_TT: Tensor | None,
    finished: tuple[FlowState, int] | None = None,
    f0_B: Tensor | None = None,
    adaptation_BLK: Tensor | None = None,
) -> tuple[Tensor, FlowState]:
    """As `glmtts.flow.cfm.sample` over all frames so far; gives the mel (B, M, T − P) and the state for the next.

    `finished` is the state of the chunk before and the number of leading frames, the prompt's included, that are
    done: before every step they take the values that they had then. So the new frames see the past as it was; the
    mel of the finished frames themselves is to be taken from the chunk before.
    """
    config = model.config
    frames, prompt_frames = noise_BTM.shape[1], prompt_mel_BMP.shape[2]
    prompt = (prompt_mel_BMP.transpose(1, 2) - config.mel_mean) / config.mel_std
    speaker_BD = F.normalize(speaker_BD, dim=-1)
    conditions = (
        model.embed_tokens(tokens_BS, frames, speaker_BD, f0_B=f0_B, adaptation_BLK=adaptation_BLK),
        F.pad(prompt, (0, 0, 0, frames - prompt_frames)),
        speaker_BD,
    )
    x_BTM, kept = solver.begin(model, conditions[0], noise_BTM), []
    schedule = solver.times().to(noise_BTM)
    for step, (now, then) in enumerate(pairwise(schedule)):
        if finished is not None:
            state, count = finished
            x_BTM = torch.cat([state.steps[step][:, :count], x_BTM[:, count:]], dim=1)
        kept.append(x_BTM)
        x_BTM = x_BTM + (then - now) * guided_velocity(model, x_BTM, now, conditions, solver.guidance, visible_TT)
    mel_BTM = x_BTM[:, prompt_frames:] * config.mel_std + config.mel_mean
    return mel_BTM.transpose(1, 2), FlowState(kept)
