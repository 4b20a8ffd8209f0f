"""The training loop, its state on disk, and the feature store."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from glmtts.checkpoint import load_state, save_state
from glmtts.errors import TrainingError
from glmtts.features import FeatureStore, write_feature, write_index
from glmtts.flow.train import FlowBatch
from glmtts.training import Trainer, TrainingConfig, learning_rate_at, load_trained, on_device

CONFIG = TrainingConfig(steps=4, warmup_steps=1, save_every=2, log_every=1, precision="no")


def squared(model: nn.Module, batch: Tensor) -> tuple[Tensor, dict[str, float]]:
    loss = (model(batch) - batch.sum(1, keepdim=True)).square().mean()
    return loss, {"mean": float(batch.mean())}


def batches(start: int) -> Iterator[Tensor]:
    while True:
        yield torch.randn(8, 3, generator=torch.Generator().manual_seed(start))
        start += 1


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(3, 1)


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    whole = Trainer(model(), squared, CONFIG, tmp_path / "whole")
    whole.fit(batches(0))
    for _ in range(2):
        half = CONFIG.model_copy(update={"max_seconds": 0.0})
        trainer = Trainer(model(), squared, half, tmp_path / "stopped")
        trainer.fit(batches(trainer.step))
    rest = Trainer(model(), squared, CONFIG, tmp_path / "stopped")
    assert rest.step == 2
    rest.fit(batches(rest.step))
    for name, value in whole.plain.state_dict().items():
        torch.testing.assert_close(rest.plain.state_dict()[name], value)
    assert (tmp_path / "stopped" / "log.csv").read_text().count("\n") == 5
    assert (tmp_path / "stopped" / "loss.png").stat().st_size > 0
    averaged = load_trained(model(), tmp_path / "stopped")
    torch.testing.assert_close(averaged.weight, rest.ema["weight"])


def test_two_processes_share_their_gradients(tmp_path: Path) -> None:
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    script = str(Path(__file__).parent / "two_processes.py")
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "ACCELERATE_USE_CPU": "true",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    done = subprocess.run(
        [*launch, script, str(tmp_path)], capture_output=True, text=True, timeout=240, env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for network in ("weights", "generator", "discriminator", "codebook"):
        first, second = (load_file(tmp_path / f"{network}.{process}.safetensors") for process in range(2))
        for name, weight in first.items():
            assert torch.equal(weight, second[name]), (network, name)
    streams = {(tmp_path / f"seed.{process}").read_text() for process in range(2)}
    assert len(streams) == 2
    assert (tmp_path / "lm" / "log.csv").read_text().count("\n") == 5
    assert (tmp_path / "vocoder" / "log.csv").read_text().count("\n") == 4


def test_learning_rate_warms_up_and_decays() -> None:
    config = TrainingConfig(steps=100, warmup_steps=10, learning_rate=1.0, final_learning_rate=0.1)
    rates = [learning_rate_at(step, config) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert rates[100] == pytest.approx(0.1)


def test_state_round_trip_and_corruption(tmp_path: Path) -> None:
    shared = torch.randn(3)
    state = {"step": 3, "nested": {1: [shared, shared], "none": None}, "rate": 0.5}
    save_state(tmp_path / "s.safetensors", state)
    loaded = load_state(tmp_path / "s.safetensors")
    assert loaded["step"] == 3
    assert torch.equal(loaded["nested"][1][1], shared)
    assert loaded["nested"]["none"] is None
    (tmp_path / "s.safetensors").write_bytes(b"cut off")
    with pytest.raises(TrainingError, match="cannot be read"):
        load_state(tmp_path / "s.safetensors")


def test_a_state_of_another_model_is_refused(tmp_path: Path) -> None:
    weights = torch.nn.Linear(2, 2).state_dict()
    save_state(tmp_path / "state.safetensors", {"step": 1, "model": weights, "ema": weights})
    with pytest.raises(TrainingError, match=r"another model: size mismatch.*Move it"):
        load_trained(torch.nn.Linear(3, 3), tmp_path)


def test_features_come_back_as_they_went_in(tmp_path: Path) -> None:
    arrays = [np.arange(n * 2, dtype=np.float16).reshape(n, 2) for n in (3, 1, 5)]
    write_index(tmp_path, [{"id": str(i), "text": "你好"} for i in range(3)])
    write_feature(tmp_path, "mel", arrays)
    store = FeatureStore(tmp_path)
    assert len(store) == 3
    assert store.names == ["mel"]
    assert all(np.array_equal(store.get(i, "mel"), array) for i, array in enumerate(arrays))
    with pytest.raises(TrainingError, match="no feature 'f0'"):
        store.get(0, "f0")


def test_a_killed_write_leaves_no_feature(tmp_path: Path) -> None:
    def stops() -> Iterator[np.ndarray]:
        yield np.zeros(3)
        raise KeyboardInterrupt

    write_index(tmp_path, [{"id": "a"}, {"id": "b"}])
    with pytest.raises(KeyboardInterrupt):
        write_feature(tmp_path, "f0", stops())
    with pytest.raises(TrainingError):
        FeatureStore(tmp_path).get(0, "f0")


def test_missing_store_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="Prepare features"):
        FeatureStore(tmp_path)


def test_batches_go_to_the_device_of_the_model() -> None:
    """No accelerator is at hand in tests; "meta" stands in for one."""
    meta = torch.device("meta")
    flow = FlowBatch(torch.zeros(1, 2), torch.zeros(1, 4, 8), torch.ones(1, 4), torch.zeros(1, 3), torch.zeros(1, 4))
    moved = on_device({"flow": flow, "rest": [(torch.zeros(2), "text", None)]}, meta)
    assert isinstance(moved["flow"], FlowBatch)
    tensors = [*vars(moved["flow"]).values(), moved["rest"][0][0]]
    assert len(tensors) == 6 and all(tensor.device == meta for tensor in tensors)
    assert moved["rest"][0][1:] == ("text", None)
