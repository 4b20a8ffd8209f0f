"""Train tiny runs, and compare what they leave."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from glmtts.training import checkpoint
from glmtts.training.config import RunConfig
from glmtts.training.engine import Engine
from glmtts.training.registry import create_task
from glmtts.training.task import Source


class KilledError(Exception):
    """Stands for a kill: nothing after it runs, no checkpoint is written."""


class Watched(Source):
    """A source that calls `on_batch` with the number of every micro-batch before it is made."""

    def __init__(self, source: Source, on_batch: Callable[[int], None]) -> None:
        self.source, self.on_batch = source, on_batch

    def batch(self, number: int) -> Any:
        self.on_batch(number)
        return self.source.batch(number)

    def place(self, number: int) -> dict[str, Any]:
        return self.source.place(number)

    def seek(self, place: dict[str, Any]) -> None:
        self.source.seek(place)


def train(config: RunConfig, on_batch: Callable[[int], None] | None = None) -> Engine:
    """Train to the end, or on from where the run stands."""
    task = create_task(config)
    if on_batch is not None:
        source = task.source()
        task.source = lambda: Watched(source, on_batch)  # type: ignore[method-assign]
    engine = Engine(task)
    engine.fit()
    return engine


def killed_at(number: int) -> Callable[[int], None]:
    """Kill a run when it asks for this micro-batch."""

    def check(asked: int) -> None:
        if asked == number:
            raise KilledError

    return check


def tensors(run: Path) -> dict[str, Tensor]:
    """Everything that the newest checkpoint of a run holds."""
    folder = checkpoint.latest(run)
    groups = {path.name.split("-")[0] for path in folder.glob("*.safetensors")}
    return {
        f"{group}.{name}": value for group in groups for name, value in checkpoint.read_group(folder, group).items()
    }


def assert_same(first: Path, second: Path) -> None:
    """Two runs ended with the same tensors, to the bit."""
    one, other = tensors(first), tensors(second)
    assert one.keys() == other.keys()
    unlike = [name for name, value in one.items() if not torch.equal(value, other[name])]
    assert not unlike, unlike


def furthest(first: Path, second: Path) -> float:
    """The largest difference between the weights of two runs."""
    one, other = tensors(first), tensors(second)
    assert one.keys() == other.keys()
    weights = [name for name, value in one.items() if name.startswith("model.") and value.is_floating_point()]
    return max(float((one[name] - other[name]).abs().max()) for name in weights)
