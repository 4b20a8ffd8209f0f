"""The files of a checkpoint: what parts of which tensors lie in them, read as far as they are asked for and checked.

Every process writes one file a group of tensors, whose header says where in the whole tensor each part lies.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from glmtts.errors import TrainingError
from glmtts.training.shards import Shard


def unfilled(files: Sequence[Path], group: str) -> list[str]:
    """The tensors that the parts in files do not fill, counted in elements: there would be what lay in memory."""
    missing: dict[str, int] = {}
    for path in files:
        with opened(path) as file:
            for name, (shape, _) in places_of(file, path).items():
                missing.setdefault(name, math.prod(shape))
                missing[name] -= math.prod(_shape_of(file, name))
    return [f"a part of {group} {name}" for name, count in missing.items() if count > 0]


def file_name(group: str, rank: int, world: int) -> str:
    """The file of a group that process `rank` of `world` writes."""
    return f"{group}-{rank + 1:05d}-of-{world:05d}.safetensors"


def files_of(checkpoint: Path, group: str) -> list[Path]:
    """The files of a group, of every process that wrote it; none where no process did.

    Raises:
        TrainingError: names those that are missing.
    """
    found = sorted(checkpoint.glob(f"{group}-*-of-[0-9]*.safetensors"))
    # each name says how many there are
    worlds = {int(path.stem.rpartition("-")[2]) for path in found}
    wanted = {file_name(group, rank, world) for world in worlds for rank in range(world)}
    missing = sorted(wanted - {path.name for path in found})
    if missing:
        raise lacking(checkpoint, missing)
    return found


def lacking(checkpoint: Path, what: list[str]) -> TrainingError:
    """The error of a checkpoint in which something is not."""
    return TrainingError(f"{checkpoint} lacks {', '.join(what[:4])}. Restore it, or remove it: the one before serves.")


def opened(path: Path) -> Any:
    """A file of parts, to be used as a context. Raises TrainingError where it cannot be read."""
    try:
        return safe_open(str(path), framework="pt")
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"{path} cannot be read: {error}. Remove {path.parent}, the one before serves.") from None


def places_of(file: Any, path: Path) -> dict[str, tuple[list[int], list[int]]]:
    """Shape and offset of the whole tensors that a file has parts of, by name; `save` writes them into its header."""
    try:
        places = {name: (shape, offset) for name, (shape, offset) in json.loads(file.metadata()["places"]).items()}
        if not all(_lies_within(_shape_of(file, name), *place) for name, place in places.items()):
            raise ValueError
        return places
    except (TypeError, KeyError, ValueError, AttributeError, RecursionError, SafetensorError):
        raise TrainingError(
            f"{path} is no part of a checkpoint. Remove {path.parent}, the one before serves."
        ) from None


def _shape_of(file: Any, name: str) -> list[int]:
    """The shape of a stored part, of which nothing else is read."""
    shape: list[int] = file.get_slice(name).get_shape()
    return shape


def _lies_within(part: list[int], shape: Any, offset: Any) -> bool:
    """Whether a part of this shape lies at an offset within a whole of another."""
    counts = [*shape, *offset]
    if any(type(count) is not int or count < 0 for count in counts):  # True is an int
        return False
    return len(shape) == len(offset) == len(part) and all(
        start + size <= end for size, end, start in zip(part, shape, offset, strict=True)
    )


def parts_of(checkpoint: Path, group: str, shards: Mapping[str, Shard]) -> Iterator[tuple[str, list[int], Any]]:
    """Name, offset and lazily read part of every stored tensor that is asked for."""
    for path in files_of(checkpoint, group):
        with opened(path) as file:
            for name, (shape, offset) in places_of(file, path).items():
                if name not in shards:
                    continue
                if tuple(shape) != shards[name].shape:
                    wanted = list(shards[name].shape)
                    raise TrainingError(f"{checkpoint} is of another model: {name} is {shape} there, {wanted} here.")
                # a scalar has no axis to slice along; of all else only what overlaps is read from the disk
                yield name, offset, file.get_tensor(name) if not shape else file.get_slice(name)


def check_finite(checkpoint: Path, name: str, values: Tensor) -> None:
    """Raises TrainingError where a number is none: a run never saves such, and would train on without a word."""
    if values.is_floating_point() and not bool(torch.isfinite(values).all()):
        raise TrainingError(
            f"{checkpoint} is damaged: {name} has numbers that are not finite. Remove it, the one before serves."
        )


def fill(checkpoint: Path, name: str, shard: Shard, offset: list[int], part: Any) -> int:
    """Copy what a stored part and a shard have in common; gives the number of elements."""
    if isinstance(part, Tensor):
        check_finite(checkpoint, name, part)
        shard.local.copy_(part)
        return 1
    sizes = zip(offset, part.get_shape(), shard.offset, shard.local.shape, strict=True)
    # start and end of the overlap along each axis, in the coordinates of the whole tensor
    common = [(max(a, b), min(a + m, b + n)) for a, m, b, n in sizes]
    if any(start >= end for start, end in common):
        return 0
    theirs = tuple(slice(start - a, end - a) for (start, end), a in zip(common, offset, strict=True))
    mine = tuple(slice(start - b, end - b) for (start, end), b in zip(common, shard.offset, strict=True))
    values = part[theirs]
    check_finite(checkpoint, name, values)
    with torch.no_grad():
        shard.local[mine].copy_(values)
    return values.numel()


def slices(offset: list[int], shape: torch.Size) -> tuple[slice, ...]:
    """Where a part of this shape lies within its whole."""
    return tuple(slice(start, start + size) for start, size in zip(offset, shape, strict=True))
