"""Micro-batches in their global order, made by worker processes, each with a seed of its own.

Micro-batch n is the same whatever the number of processes, and the random draws of its loss are seeded by n. So a run
can be killed, resumed and spread over other machines, and stays the same run; no random state needs to be kept.
"""

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from hashlib import blake2b
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from glmtts.errors import ConfigError, GlmTtsError
from glmtts.training.task import Source


class _Numbered(Dataset):
    """A source as PyTorch's loader reads it."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def __getitem__(self, number: int) -> Any:
        """The micro-batch, or what the user must be told: a worker's exceptions arrive wrapped in their traceback."""
        try:
            return number, self.source.batch(number)
        except GlmTtsError as error:
            return number, error


def shares(first: int, micro_batches: int, rank: int, world: int) -> Iterator[int]:
    """Numbers of one process's micro-batches from `first` on: of every step's `micro_batches` an equal run of numbers.

    Raises:
        ConfigError: the processes cannot share a step's micro-batches evenly.
    """
    if micro_batches % world:
        raise ConfigError(
            f"A step of {micro_batches} micro-batches cannot be shared by {world} processes. "
            f"Set optimizer.micro_batches to a multiple of {world}."
        )
    each = micro_batches // world
    return _numbers(first + rank * each, each, micro_batches)


def _numbers(start: int, each: int, stride: int) -> Iterator[int]:
    while True:
        yield from range(start, start + each)
        start += stride


def micro_batches(
    source: Source, numbers: Iterator[int], workers: int, pin: bool, start_method: str | None = None
) -> Iterator[tuple[int, Any]]:
    """Endless (number, batch) in the order of `numbers`; `workers` processes prepare them, 0 does it here.

    They start as is usual on the system (`start_method`): where they are spawned, as on macOS and Windows, the source
    is pickled.

    Raises:
        DataError: a batch cannot be made of the data.
    """
    loader = DataLoader(
        _Numbered(source),
        batch_size=None,  # a source gives whole micro-batches: nothing to collate
        sampler=_Endless(numbers),
        num_workers=workers,
        pin_memory=pin,
        # batches that each worker has ready; without workers DataLoader refuses both of these
        prefetch_factor=4 if workers else None,
        multiprocessing_context=start_method if workers else None,
    )
    for number, batch in loader:
        if isinstance(batch, GlmTtsError):
            raise batch
        yield number, batch


class _Endless:
    """An iterator as a sampler."""

    def __init__(self, numbers: Iterator[int]) -> None:
        self.numbers = numbers

    def __iter__(self) -> Iterator[int]:
        return self.numbers


def seed_draws(seed: int, *place: int | str) -> None:
    """Seed torch's generators on every device for one place in a run, such as a micro-batch's number."""
    # not hash(), which Python salts anew in every process
    digest = blake2b("/".join(map(str, (seed, *place))).encode(), digest_size=8).digest()
    torch.manual_seed(int.from_bytes(digest, "little") >> 1)


def to_device(batch: Any, device: torch.device) -> Any:
    """A batch with its tensors on `device`."""
    # the copy overlaps with the work before it where the loader has pinned the memory
    return map_tensors(batch, lambda tensor: tensor.to(device, non_blocking=True))


def map_tensors(batch: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """A batch with its tensors changed: a tensor, or a dataclass, tuple, list or dict of such."""
    if isinstance(batch, Tensor):
        return change(batch)
    if is_dataclass(batch) and not isinstance(batch, type):
        return replace(batch, **{part.name: map_tensors(getattr(batch, part.name), change) for part in fields(batch)})
    if isinstance(batch, tuple | list):
        return type(batch)(map_tensors(part, change) for part in batch)
    if isinstance(batch, dict):
        return {name: map_tensors(part, change) for name, part in batch.items()}
    return batch
