"""The flow model computes what the released one computes."""

import torch
import torch.nn.functional as F
from torch import Tensor

from glmtts.flow.dit import DiT
from glmtts.stages import Conditions, Solver


@torch.inference_mode()
def test_velocity(released: DiT, fixture: dict[str, Tensor]) -> None:
    frames = fixture["noise"].shape[1]
    tokens = torch.cat([fixture["prompt_token"], fixture["token"]], dim=1)
    velocity = released(
        fixture["noise"],
        torch.tensor([0.3]),
        released.embed_tokens(tokens, frames, fixture["embedding"]),
        F.pad(fixture["prompt_feat"], (0, 0, 0, frames - fixture["prompt_feat"].shape[1])),
        F.normalize(fixture["embedding"], dim=-1),
    )
    torch.testing.assert_close(velocity, fixture["velocity_t0.3"], atol=2e-4, rtol=0)


def test_ten_steps(released: DiT, fixture: dict[str, Tensor]) -> None:
    tokens = torch.cat([fixture["prompt_token"], fixture["token"]], dim=1)
    prompt = fixture["prompt_feat"].transpose(1, 2)
    conditions = Conditions(tokens, fixture["embedding"], prompt)
    mel, _ = released.sample(conditions, fixture["noise"], Solver(10, 0.7))
    torch.testing.assert_close(mel[:, :, prompt.shape[2] :], fixture["mel_full"], atol=2e-4, rtol=0)
