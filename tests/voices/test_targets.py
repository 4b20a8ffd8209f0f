"""Ranks by share, and adapters that peft reads."""

from pathlib import Path

import pytest
import torch

from glmtts.config import read_toml
from glmtts.errors import ConfigError
from glmtts.flow.dit import DiT, FlowConfig
from glmtts.lm.alignment import alignment_loss
from glmtts.lm.model import Llama, LMConfig
from glmtts.voices.lora import put_in
from glmtts.voices.targets import solve_ranks, targets
from tests.tiny import tiny_flow, tiny_lm

CONFIG = Path(__file__).parents[2] / "configs" / "lm_1.5b.toml"


@pytest.mark.parametrize("share", [0.003, 0.01, 0.05, 0.15, 0.3])
@pytest.mark.parametrize("kind", ["lm", "flow"])
def test_what_peft_trains_is_the_share(kind: str, share: float) -> None:
    with torch.device("meta"):
        network = Llama(LMConfig(vocab_size=600, hidden_size=256)) if kind == "lm" else DiT(FlowConfig())
    solved = solve_ranks(network, kind, share)
    largest = max(layer.in_features + layer.out_features for layer in targets(network, kind).values())
    assert share - largest / solved.backbone < solved.share <= share
    put_in(network, solved)
    assert sum(p.numel() for p in network.parameters() if p.requires_grad) == solved.trained


def test_small_shares_are_spread_over_the_layers() -> None:
    with torch.device("meta"):
        network = Llama(LMConfig(vocab_size=600, hidden_size=256, num_layers=6))
    solved = solve_ranks(network, "lm", 0.003)
    assert max(solved.ranks.values()) <= 2
    assert {name.split(".")[2] for name in solved.ranks} == set("012345")


def test_the_released_size_is_solved_without_weights() -> None:
    sizes = read_toml(CONFIG)["model"]
    with torch.device("meta"):
        network = Llama(LMConfig.parse(sizes))
    solved = solve_ranks(network, "lm", 0.15)
    assert solved.share == pytest.approx(0.15, abs=1e-4)
    assert solved.ranks["model.layers.0.self_attn.q_proj"] == pytest.approx(153, abs=1)


@pytest.mark.parametrize("share", [0.0, 1.0, 1e-6])
def test_impossible_shares_are_refused(share: float) -> None:
    with pytest.raises(ConfigError, match="share"):
        solve_ranks(tiny_lm(), "lm", share)
    with pytest.raises(ConfigError, match="share"):
        solve_ranks(tiny_flow(), "flow", share)


def test_guided_attention_trains_the_adapter() -> None:
    model = tiny_lm(56)
    put_in(model, solve_ranks(model, "lm", 0.15))
    attention = model.model.layers[1].self_attn
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 1e-2)
    losses, before = [], attention.q_proj.base_layer.weight.clone()
    for _ in range(40):
        inputs: list[torch.Tensor] = []
        model.hidden(torch.arange(20)[None], inputs=inputs)
        loss = alignment_loss(model, inputs, torch.arange(10, 20), torch.arange(10) // 2, layers=(1,))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    assert torch.equal(attention.q_proj.base_layer.weight, before)
