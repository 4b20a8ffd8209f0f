"""The flow model computes what the released one computes."""

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from glmtts.flow.cfm import Solver, sample
from glmtts.flow.dit import DiT, FlowConfig
from tests.parity import fill

RELEASED = FlowConfig(
    vocabulary=100000,
    token_width=512,
    token_blocks=4,
    width=768,
    blocks=18,
    heads=12,
    ff_mult=2,
    rotate_first_head_only=True,
    position_kernel=31,
    prior_width=None,
    pitch_width=None,
    mel_mean=0.0,
    mel_std=1.0,
)


@pytest.fixture(scope="module")
def fixture(shared: Path) -> dict[str, Tensor]:
    return load_file(shared / "parity" / "flow.safetensors")


@pytest.fixture(scope="module")
def released(shared: Path) -> DiT:
    keys = json.loads((shared / "parity" / "flow.json").read_text())["keys"]
    model = DiT(RELEASED)
    weights = {
        name.removeprefix("estimator."): fill(name, entry["shape"]) for name, entry in keys.items() if entry["fill"]
    }
    missing, unexpected = model.load_state_dict(weights, strict=False, assign=True)
    assert missing == ["rotary_embed.inv_freq"]
    assert not unexpected
    return model.eval()


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
    mel = sample(released, tokens, fixture["embedding"], prompt, fixture["noise"], Solver(10, 0.7))
    torch.testing.assert_close(mel, fixture["mel_full"], atol=2e-4, rtol=0)
