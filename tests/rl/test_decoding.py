"""Where rollouts are decoded: workers get the device that the run is configured with, and no more than there is."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from glmtts.errors import ConfigError, RlError
from glmtts.rl import decoding
from glmtts.rl.decoding import RolloutWorker, gpus_each
from glmtts.rl.grpo import PolicyTask
from glmtts.rl.settings import PolicySection


class Cluster:
    """Ray, as far as it is asked: what its actors were to have and were made with."""

    def __init__(self, gpus: float) -> None:
        self.asked: dict[str, Any] = {}
        self.made: list[tuple[Any, ...]] = []
        self._gpus = gpus

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 4.0, "GPU": self._gpus} if self._gpus else {"CPU": 4.0}

    def remote(self, **options: Any) -> Any:
        self.asked = options
        return lambda actor: SimpleNamespace(remote=lambda *given: self.made.append(given))


@pytest.mark.parametrize(
    ("device", "here", "gpus", "processes", "each", "where"),
    [
        ("auto", "cpu", 0, 1, 0.0, "cpu"),
        ("auto", "cpu", 8, 1, 0.0, "cpu"),
        ("auto", "cuda", 8, 1, 1.0, "cuda"),
        ("cuda", "cuda", 8, 4, 1.0, "cuda"),
        ("cuda", "cuda", 1, 1, 0.5, "cuda"),
        ("cuda", "cuda", 3, 2, 0.5, "cuda"),
        ("auto", "cuda", 0, 1, 0.0, "cpu"),
    ],
)
def test_workers_decode_on_the_device_of_the_run(
    device: str,
    here: str,
    gpus: float,
    processes: int,
    each: float,
    where: str,
    make_run: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = Cluster(gpus)
    monkeypatch.setattr(decoding, "_ray", lambda: cluster)
    monkeypatch.setattr(decoding, "chosen_device", lambda name: torch.device(here))
    monkeypatch.setenv("WORLD_SIZE", str(processes))
    task = PolicyTask(make_run(data={"ray_workers": 2}, distributed={"device": device}))
    task.__dict__["synthesizer"] = SimpleNamespace(frontend=None, bundle=SimpleNamespace(audio_tokens=None))
    assert task.decoder
    assert cluster.asked["num_gpus"] == each
    assert [given[2] for given in cluster.made] == [where, where]


def test_a_cluster_without_the_gpus_that_are_asked_for_is_named(make_run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "_ray", lambda: Cluster(0))
    monkeypatch.setattr(decoding, "chosen_device", lambda name: torch.device(name))
    section = PolicyTask(make_run(data={"ray_workers": 2})).section(decoding.RolloutSection)
    with pytest.raises(RlError, match="The Ray cluster has no GPU"):
        decoding.RayDecoder(PolicySection(), section, "cuda")


def test_no_more_is_asked_for_than_there_is() -> None:
    for gpus in range(1, 5):
        for workers in range(1, 13):
            each = gpus_each(gpus, workers)
            assert 0 < each <= 1 and gpus * int(1 / each) >= workers


@pytest.mark.skipif(torch.cuda.is_available(), reason="has what is asked for")
def test_a_worker_takes_the_device_that_it_is_told(make_run: Any) -> None:
    section = PolicyTask(make_run()).section(PolicySection)
    with pytest.raises(ConfigError, match="CUDA"):
        RolloutWorker(section, 1, "cuda")
    assert RolloutWorker(section, 1, "cpu")._model.device.type == "cpu"
