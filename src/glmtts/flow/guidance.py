"""Classifier-free guidance (Ho and Salimans, 2021): the velocity with and without its conditions, as one batch."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from glmtts.flow.dit import DiT


@dataclass(frozen=True)
class FlowInputs:
    """Conditions as the network takes them: embedded tokens (B, T, E), normalised prompt mel (B, T, M), zero after the
    prompt, unit speaker vectors (B, D), and a mask (B, T) of real frames, None where all are."""

    tokens_BTE: Tensor
    prompt_BTM: Tensor
    speaker_BD: Tensor
    mask_BT: Tensor | None


def guided_velocity(
    model: "DiT",
    x_BTM: Tensor,
    t: Tensor,
    inputs: FlowInputs,
    guidance: float,
    attention_mask: Tensor | None,
) -> Tensor:
    """v + w (v − v_uncond), both evaluated as one batch, or v alone where the guidance w is 0.

    Without condition the prompt mel and the speaker are zero; the tokens stay, as in the release.
    """
    tokens_BTE, prompt_BTM, speaker_BD = inputs.tokens_BTE, inputs.prompt_BTM, inputs.speaker_BD
    mask_BT = inputs.mask_BT
    if guidance == 0:
        return model(x_BTM, t.expand(len(x_BTM)), tokens_BTE, prompt_BTM, speaker_BD, mask_BT, attention_mask)
    velocity = model(
        torch.cat([x_BTM, x_BTM]),
        t.expand(2 * len(x_BTM)),
        torch.cat([tokens_BTE, tokens_BTE]),  # `speech_token_cfg` is off in the release
        torch.cat([prompt_BTM, torch.zeros_like(prompt_BTM)]),
        torch.cat([speaker_BD, torch.zeros_like(speaker_BD)]),
        None if mask_BT is None else torch.cat([mask_BT, mask_BT]),
        attention_mask,
    )
    conditioned, unconditioned = velocity.chunk(2)
    return conditioned + guidance * (conditioned - unconditioned)
