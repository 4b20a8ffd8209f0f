"""Batches made ahead in other processes, in the order of their numbers, whatever the number of processes."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from glmtts.data.dataset import Dataset, Item
from glmtts.data.sampler import BucketSampler

Make = Callable[[int, list[Item]], Any]


class BatchLoader:
    """Makes the micro-batch of any number: draws its utterances, loads them, and has `make(number, items)` batch them.

    `make` seeds its own draws from the number, so that they depend on nothing else.
    """

    def __init__(self, dataset: Dataset, sampler: BucketSampler, make: Make) -> None:
        self.dataset, self.sampler, self.make = dataset, sampler, make

    def __getitem__(self, number: int) -> Any:
        """The micro-batch `number`."""
        return self.make(number, [self.dataset.load(ref) for ref in self.sampler.batch(number)])

    def batches(self, numbers: Iterable[int], workers: int = 0, prefetch: int = 4) -> Iterator[Any]:
        """The micro-batches of `numbers` in that order, made by `workers` processes, each up to `prefetch` ahead."""
        from torch.utils.data import DataLoader  # a second, which looking into a dataset need not wait for

        yield from DataLoader(
            cast(Any, self),
            batch_size=None,
            sampler=_Numbers(numbers),
            num_workers=workers,
            prefetch_factor=prefetch if workers else None,
            worker_init_fn=_one_thread,
        )


class _Numbers:
    """An iterable that may be endless, as a sampler."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self.numbers = numbers

    def __iter__(self) -> Iterator[int]:
        return iter(self.numbers)


def _one_thread(worker: int) -> None:
    import torch

    torch.set_num_threads(1)  # workers are many: each with the threads of all would fight over the cores
