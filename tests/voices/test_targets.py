"""Ranks by share, and adapters that peft reads."""

from pathlib import Path

import pytest
import torch

from glmtts.config import read_toml
from glmtts.errors import ConfigError
from glmtts.flow.dit import DiT, FlowConfig
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
