"""The policy with adapters: what it starts from fits, and it is merged wherever its parts lie."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

from glmtts.errors import ConfigError, RlError, TrainingError
from glmtts.lm.model import Llama
from glmtts.rl import policy
from glmtts.rl.command import rl
from glmtts.rl.export import export_bundle
from glmtts.rl.grpo import PolicyTask
from glmtts.rl.policy import plain_weights, start_policy, with_adapters
from glmtts.rl.settings import PolicySection
from tests.tiny import tiny_lm


@pytest.fixture
def adapted() -> Llama:
    try:
        import peft  # noqa: F401
    except (ImportError, OSError) as error:
        pytest.skip(f"needs peft: {error}")
    torch.manual_seed(0)
    return with_adapters(tiny_lm(56), PolicySection(lora_rank=2, lora_targets=("q_proj", "down_proj")))


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[None]:
    """A group of this process alone."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'group'}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_weights_are_merged_where_only_the_adapters_are_sharded(adapted: Llama, alone: None) -> None:
    """As FSDP does it (training/processes.py): what is frozen stays whole."""
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    whole = plain_weights(adapted)
    mesh = init_device_mesh("cpu", (1,))
    frozen = {parameter for parameter in adapted.parameters() if not parameter.requires_grad}
    for layer in adapted.model.layers:
        fully_shard(layer, mesh=mesh, ignored_params=frozen)
    fully_shard(adapted, mesh=mesh, ignored_params=frozen)
    assert any(isinstance(parameter, DTensor) for parameter in adapted.parameters())
    merged = plain_weights(adapted)
    assert merged.keys() == whole.keys() == tiny_lm(56).state_dict().keys()
    for name, value in merged.items():
        torch.testing.assert_close(value, whole[name])


def without(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in weights.items() if "norm" not in name}


def narrower(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value[:-1] if "q_proj" in name else value for name, value in weights.items()}


@pytest.mark.parametrize(
    ("change", "named"),
    [(without, "input_layernorm"), (narrower, "q_proj"), (lambda weights: {**weights, "more": torch.ones(1)}, "more")],
)
def test_weights_that_do_not_fit_an_adapted_policy_are_named(
    change: Any, named: str, adapted: Llama, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = tiny_lm(56)
    before = {name: value.clone() for name, value in adapted.state_dict().items()}
    monkeypatch.setattr(policy, "start_weights", lambda where, module: change(plain.state_dict()))
    with pytest.raises(TrainingError, match=f"weights of there do not fit.*{named}"):
        start_policy(adapted, "there")
    assert all(torch.equal(before[name], value) for name, value in adapted.state_dict().items())
    monkeypatch.setattr(policy, "start_weights", lambda where, module: plain.state_dict())
    start_policy(adapted, "there")
    assert all(torch.equal(plain.state_dict()[name], value) for name, value in plain_weights(adapted).items())


def test_a_policy_of_no_numbers_is_named(make_run: Any) -> None:
    """Not as a damaged bundle, which would be installed again."""
    task = PolicyTask(make_run())
    model = task.build()
    with torch.no_grad():
        model.model.embed_tokens.weight.fill_(float("nan"))
    with pytest.raises(RlError, match="The policy computes no finite numbers any more"):
        task.loss(model, {"rollout": torch.tensor(0), "update": torch.tensor(0)}, 0)


def test_a_place_that_takes_no_bundle_is_one_sentence(
    make_run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_run()
    monkeypatch.setattr("glmtts.rl.export.trained_model", lambda out: PolicyTask(config).build())
    (tmp_path / "file").touch()
    with pytest.raises(RlError, match=r"cannot be written: .*choose another folder"):
        export_bundle(config, tmp_path / "file" / "bundle")


def test_a_dry_run_exports_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--dry-run writes nothing"):
        rl(tmp_path / "run.toml", dry_run=True, export=tmp_path / "bundle")
