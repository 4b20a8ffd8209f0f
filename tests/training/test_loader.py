"""The loader's processes, forked or spawned, give what this process would make."""

from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import Tensor

from glmtts.errors import DataError
from glmtts.training.loader import map_tensors, micro_batches, shares
from glmtts.training.registry import create_task
from glmtts.training.task import Source
from tests.training.made_up import run_of

pytestmark = pytest.mark.long


class Broken(Source):
    """Has no micro-batch."""

    def batch(self, number: int) -> Tensor:
        raise DataError(f"batch {number} cannot be made")


def tensors(batch: object) -> list[Tensor]:
    found: list[Tensor] = []
    map_tensors(batch, lambda tensor: found.append(tensor) or tensor)
    return found


class All(Source):
    """The sources of several tasks in turn, so that one start of processes serves them all."""

    def __init__(self, sources: list[Source]) -> None:
        self.sources = sources

    def batch(self, number: int) -> object:
        return self.sources[number % len(self.sources)].batch(number)


def test_spawned_processes_give_the_same_batches(speech: Path, tmp_path: Path) -> None:
    """As on macOS and Windows, where nothing of this process is there but what is pickled."""
    tasks = [create_task(run_of(name, speech, tmp_path)) for name in ("lm", "flow", "speech_tokenizer", "vocoder")]
    source = All([task.source() for task in tasks])
    here, there = (
        list(islice(micro_batches(source, shares(0, 2, 0, 1), workers, False, method), 8))
        for workers, method in ((0, None), (1, "spawn"))
    )
    assert [number for number, _ in there] == list(range(8))
    for (_, mine), (_, theirs) in zip(here, there, strict=True):
        assert type(mine) is type(theirs)
        assert len(tensors(mine)) == len(tensors(theirs)) > 0
        assert all(torch.equal(one, other) for one, other in zip(tensors(mine), tensors(theirs), strict=True))


@pytest.mark.parametrize("workers", [0, 1])
def test_what_is_wrong_with_the_data_arrives_as_a_sentence(workers: int) -> None:
    with pytest.raises(DataError, match=r"^batch 0 cannot be made$"):
        next(micro_batches(Broken(), shares(0, 1, 0, 1), workers, False))
