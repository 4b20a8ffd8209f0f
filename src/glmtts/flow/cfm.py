"""Conditional flow matching (Lipman et al., 2023): the training loss and the Euler sampler."""

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from glmtts.adapters import RowAdapters
from glmtts.flow.guidance import FlowInputs
from glmtts.flow.velocity import velocity_of
from glmtts.stages import Conditions, FlowState, Solver

if TYPE_CHECKING:
    from glmtts.flow.dit import DiT

SIGMA_MIN = 1e-6  # the release's
CONDITION_DROP = 0.2  # the release's: the share of utterances that train the unconditional velocity
PROMPT_SHARE = 0.7  # a longer prompt leaves too few frames to learn from


def times(solver: Solver) -> Tensor:
    """t = t_start + (1 − t_start) (1 − cos(π s / 2)) at steps + 1 points s of 0 … 1 (the release's schedule)."""
    # the cosine makes short steps near the noise and long ones near the mel
    s = torch.linspace(0, 1, solver.steps + 1)
    return solver.t_start + (1 - solver.t_start) * (1 - torch.cos(s * math.pi / 2))


def begin(model: "DiT", inputs: FlowInputs, noise_BTM: Tensor, solver: Solver) -> Tensor:
    """x at the time `t_start`, shape (B, T, M)."""
    # the straight path's x_t between noise and data, with the prior in the place of the data
    x_BTM = (1 - solver.t_start) * solver.temperature * noise_BTM
    return x_BTM + solver.t_start * model.prior_mel(inputs.tokens_BTE) if solver.t_start else x_BTM


@torch.inference_mode()
def sample(
    model: "DiT",
    conditions: Conditions,
    noise_BTM: Tensor,
    solver: Solver,
    attention_mask: Tensor | None = None,
    finished: tuple[FlowState, int] | None = None,
) -> tuple[Tensor, FlowState]:
    """Integrate noise to the log-mel (B, M, T) of prompt and speech; the one Euler loop of whole and streamed speech.

    x ← x + (t' − t) v(x, t) over `times`. Rows may have unlike lengths (`Conditions.lengths_B`): what comes after a
    row's end is meaningless. `attention_mask` and `finished` are a stream's, see `stages.Flow.sample`.
    """
    with RowAdapters(conditions.adapters).applied(model):
        return _sampled(model, conditions, noise_BTM, solver, attention_mask, finished)


def _sampled(
    model: "DiT",
    conditions: Conditions,
    noise_BTM: Tensor,
    solver: Solver,
    attention_mask: Tensor | None,
    finished: tuple[FlowState, int] | None,
) -> tuple[Tensor, FlowState]:
    """See `sample`."""
    inputs = flow_inputs(model, conditions, noise_BTM.shape[1])
    x_BTM, kept = begin(model, inputs, noise_BTM, solver), []
    adapted = any(adapter is not None for adapter in conditions.adapters)
    with velocity_of(model, inputs, solver.guidance, attention_mask, adapted) as velocity:
        for step, (now, then) in enumerate(pairwise(times(solver).to(noise_BTM))):
            if finished is not None:
                # frames that are done pass every step as they did before, so that new ones attend to the same values
                state, count = finished
                x_BTM = torch.cat([state.steps[step][:, :count], x_BTM[:, count:]], dim=1)
            kept.append(x_BTM)
            x_BTM = x_BTM + (then - now) * velocity(x_BTM, now)
    mel_BTM = x_BTM * model.config.mel_std + model.config.mel_mean
    return mel_BTM.transpose(1, 2), FlowState(kept)


def flow_inputs(model: "DiT", conditions: Conditions, frames: int) -> FlowInputs:
    """Conditions, stretched to `frames` frames."""
    config, device = model.config, conditions.tokens_BS.device
    prompt = (conditions.prompt_mel_BMP.transpose(1, 2) - config.mel_mean) / config.mel_std
    if conditions.prompt_frames_B is not None:
        # rows are padded with a log-mel of 0, which is loud: after the prompt the normalised mel has to be 0
        places = torch.arange(prompt.shape[1], device=device)
        prompt = prompt * (places < conditions.prompt_frames_B[:, None])[..., None]
    mask_BT = None
    if conditions.lengths_B is not None:
        mask_BT = torch.arange(frames, device=device) < config.frames_per_token * conditions.lengths_B[:, None]
    speaker_BD = F.normalize(conditions.speaker_BD, dim=-1)
    tokens_BTE = model.embed_tokens(
        conditions.tokens_BS, frames, speaker_BD, mask_BT, conditions.f0_B, conditions.adaptation_BLK
    )
    return FlowInputs(tokens_BTE, F.pad(prompt, (0, 0, 0, frames - prompt.shape[1])), speaker_BD, mask_BT)


def flow_loss(
    model: "DiT",
    tokens_BTE: Tensor,
    mel_BTM: Tensor,
    mask_BT: Tensor,
    speaker_BD: Tensor,
    attention_mask: Tensor | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """E ‖v(x_t, t) − (x₁ − (1 − σ) x₀)‖² with x_t = (1 − (1 − σ) t) x₀ + t x₁, over frames after the prompt.

    `tokens_BTE` are embedded tokens, `speaker_BD` has length 1. The prompt is a random prefix of up to 70 % of the
    frames, none for half of the utterances; prompt and speaker are dropped together with probability 0.2, so that
    guidance has its unconditional velocity. `attention_mask` (T, T) is true where a frame may attend.
    """
    config, (batch, frames, _) = model.config, mel_BTM.shape
    x1 = (mel_BTM - config.mel_mean) / config.mel_std
    x0 = torch.randn_like(x1)
    # distributed as the times that the sampler visits
    t_B = 1 - torch.cos(torch.rand(batch, device=x1.device) * math.pi / 2)
    t = t_B[:, None, None]
    noisy = (1 - (1 - SIGMA_MIN) * t) * x0 + t * x1
    kept_B = (torch.rand(batch, device=x1.device) >= CONDITION_DROP).float()
    share_B = torch.rand(batch, device=x1.device) * PROMPT_SHARE * (torch.rand(batch, device=x1.device) < 0.5)
    prompt_frames_B = (mask_BT.sum(1) * share_B * kept_B).long()
    in_prompt_BT = torch.arange(frames, device=x1.device)[None] < prompt_frames_B[:, None]
    velocity = model(
        noisy, t_B, tokens_BTE, x1 * in_prompt_BT[..., None], speaker_BD * kept_B[:, None], mask_BT, attention_mask
    )
    error_BT = (velocity.float() - (x1 - (1 - SIGMA_MIN) * x0)).square().mean(-1)
    counted_BT = mask_BT * ~in_prompt_BT
    loss = (error_BT * counted_BT).sum() / counted_BT.sum()
    return loss, {"prompt_share": share_B.mean()}
