"""Conditional flow matching (Lipman et al., 2023): the training loss and the Euler sampler."""

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from glmtts.flow.dit import DiT

SIGMA_MIN = 1e-6
CONDITION_DROP = 0.2


@dataclass(frozen=True)
class Solver:
    """How the flow is integrated: Euler steps on the cosine schedule, with classifier-free guidance.

    `start` skips the flow up to that time: x begins as start · μ + (1 − start) · temperature · noise, where μ is the
    prior's mel (prior.py), as in DiffSinger's shallow diffusion (Liu et al., 2022). 0 begins with noise alone and
    needs no prior. A `temperature` below 1 is closer to the average, and clearer (Grad-TTS).
    """

    steps: int = 10
    guidance: float = 0.7
    start: float = 0.0
    temperature: float = 1.0

    def times(self) -> Tensor:
        """t = start + (1 − start) (1 − cos(π s / 2)) at steps + 1 points s of 0 … 1."""
        return self.start + (1 - self.start) * (1 - torch.cos(torch.linspace(0, 1, self.steps + 1) * math.pi / 2))

    def begin(self, model: DiT, tokens_BTE: Tensor, noise_BTM: Tensor) -> Tensor:
        """x at the time `start`, shape (B, T, M)."""
        x_BTM = (1 - self.start) * self.temperature * noise_BTM
        return x_BTM + self.start * model.guess(tokens_BTE) if self.start else x_BTM


@torch.inference_mode()
def sample(
    model: DiT,
    tokens_BS: Tensor,
    speaker_BD: Tensor,
    prompt_mel_BMP: Tensor,
    noise_BTM: Tensor,
    solver: Solver,
    visible_TT: Tensor | None = None,
    f0_B: Tensor | None = None,
    adaptation_BLK: Tensor | None = None,
) -> Tensor:
    """Integrate noise to the log-mel (B, M, T − P) that follows the prompt of P frames.

    `tokens_BS` holds the prompt's tokens too and `noise_BTM` covers prompt and speech; `f0_B` is the speaker's median
    F0 in Hz, where the model asks for it (pitch.py), `adaptation_BLK` what the voice brings along (adaptation.py).
    Guidance w follows v + w (v − v_uncond), both evaluated as one batch; without condition the prompt mel and the
    speaker are zero.
    """
    config = model.config
    frames, prompt_frames = noise_BTM.shape[1], prompt_mel_BMP.shape[2]
    prompt = (prompt_mel_BMP.transpose(1, 2) - config.mel_mean) / config.mel_std
    prompt_BTM = F.pad(prompt, (0, 0, 0, frames - prompt_frames))
    speaker_BD = F.normalize(speaker_BD, dim=-1)
    tokens_BTE = model.embed_tokens(tokens_BS, frames, speaker_BD, f0_B=f0_B, adaptation_BLK=adaptation_BLK)
    x_BTM, schedule = solver.begin(model, tokens_BTE, noise_BTM), solver.times().to(noise_BTM)
    for now, then in pairwise(schedule):
        conditions = (tokens_BTE, prompt_BTM, speaker_BD)
        velocity = guided_velocity(model, x_BTM, now, conditions, solver.guidance, visible_TT)
        x_BTM = x_BTM + (then - now) * velocity
    mel_BTM = x_BTM[:, prompt_frames:] * config.mel_std + config.mel_mean
    return mel_BTM.transpose(1, 2)


def guided_velocity(
    model: DiT,
    x_BTM: Tensor,
    t: Tensor,
    conditions: tuple[Tensor, Tensor, Tensor],
    guidance: float,
    visible_TT: Tensor | None,
) -> Tensor:
    """v + w (v − v_uncond), or v alone where w is 0."""
    tokens_BTE, prompt_BTM, speaker_BD = conditions
    if guidance == 0:
        t_B = t.expand(len(x_BTM))
        return model(x_BTM, t_B, tokens_BTE, prompt_BTM, speaker_BD, visible_TT=visible_TT)
    velocity = model(
        torch.cat([x_BTM, x_BTM]),
        t.expand(2 * len(x_BTM)),
        torch.cat([tokens_BTE, tokens_BTE]),
        torch.cat([prompt_BTM, torch.zeros_like(prompt_BTM)]),
        torch.cat([speaker_BD, torch.zeros_like(speaker_BD)]),
        visible_TT=visible_TT,
    )
    conditioned, unconditioned = velocity.chunk(2)
    return conditioned + guidance * (conditioned - unconditioned)


def flow_loss(
    model: DiT,
    tokens_BTE: Tensor,
    mel_BTM: Tensor,
    mask_BT: Tensor,
    speaker_BD: Tensor,
    visible_TT: Tensor | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """E ‖v(x_t, t) − (x₁ − (1 − σ) x₀)‖² with x_t = (1 − (1 − σ) t) x₀ + t x₁, over frames after the prompt.

    `tokens_BTE` are embedded tokens, `speaker_BD` has length 1. The prompt is a random prefix of up to 70 % of the
    frames, none for half of the utterances; prompt and speaker are dropped together with probability 0.2, so that
    guidance has its unconditional velocity. `visible_TT` is true where a frame may attend.
    """
    config, (batch, frames, _) = model.config, mel_BTM.shape
    x1 = (mel_BTM - config.mel_mean) / config.mel_std
    x0 = torch.randn_like(x1)
    t_B = 1 - torch.cos(torch.rand(batch, device=x1.device) * math.pi / 2)
    t = t_B[:, None, None]
    noisy = (1 - (1 - SIGMA_MIN) * t) * x0 + t * x1
    kept_B = (torch.rand(batch, device=x1.device) >= CONDITION_DROP).float()
    share_B = torch.rand(batch, device=x1.device) * 0.7 * (torch.rand(batch, device=x1.device) < 0.5)
    prompt_frames_B = (mask_BT.sum(1) * share_B * kept_B).long()
    in_prompt_BT = torch.arange(frames, device=x1.device)[None] < prompt_frames_B[:, None]
    velocity = model(
        noisy, t_B, tokens_BTE, x1 * in_prompt_BT[..., None], speaker_BD * kept_B[:, None], mask_BT, visible_TT
    )
    error_BT = (velocity.float() - (x1 - (1 - SIGMA_MIN) * x0)).square().mean(-1)
    counted_BT = mask_BT * ~in_prompt_BT
    loss = (error_BT * counted_BT).sum() / counted_BT.sum()
    return loss, {"prompt_share": share_B.mean()}
