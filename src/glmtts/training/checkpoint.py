"""Checkpoints: every process writes its part of the tensors as safetensors, and any number of processes reads them.

A checkpoint is a folder `checkpoints/step-00000250` with one file a group of tensors and process, whose header says
where in the whole tensor each part lies, and `state.json` with plain values. It is written aside and renamed, so that
a killed save leaves the one before. (PyTorch's distributed checkpoints describe themselves in a pickled file.)
"""

import json
import math
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from glmtts import durable
from glmtts.errors import TrainingError
from glmtts.training.config import writable
from glmtts.training.shards import Shard

FOLDER, STATE_FILE = "checkpoints", "state.json"
REPLACED = ".old"  # the ending of a checkpoint that is about to be replaced; until it is, it counts
Groups = Mapping[str, Mapping[str, Shard]]


def save(
    run: Path, step: int, groups: Groups, values: dict[str, Any], rank: int, world: int, wait: Callable[[], None]
) -> None:
    """Write the checkpoint of a step; every one of the `world` processes calls this, `wait` halts until all are there.

    `groups` holds the tensors of the model, its average, its optimizer, …; `values` is stored as JSON.

    Raises:
        TrainingError: the folder cannot be written, or the disk is full; the checkpoint before stays.
    """
    final = run / FOLDER / f"step-{step:08d}"
    aside = final.with_suffix(".part")
    if rank == 0:
        with writable(run):
            _remove(aside)
            aside.mkdir(parents=True)
    wait()
    for group, shards in groups.items():
        # what every process holds whole is written once, by the first; a process may hold nothing of a small tensor
        kept = {name: shard for name, shard in shards.items() if shard.local.numel() and (rank == 0 or not shard.whole)}
        # copies: safetensors refuses tensors that share memory, as tied weights do
        tensors = {name: shard.local.detach().to("cpu", copy=True).contiguous() for name, shard in kept.items()}
        places = {name: [shard.shape, shard.offset] for name, shard in kept.items()}
        path = aside / _file(group, rank, world)
        with writable(run):
            save_file(tensors, path, metadata={"places": json.dumps(places)})
            durable.sync(path)
    wait()
    if rank == 0:
        with writable(run):
            # only now is every part on the disk: state.json is what makes the folder a checkpoint
            _publish(aside, final, {**values, "step": step})
    wait()


def _publish(aside: Path, final: Path, values: dict[str, Any]) -> None:
    """Give a checkpoint its name once all of it is on the disk: after a power cut it is whole, or it is not there."""
    (aside / STATE_FILE).write_text(json.dumps(values), encoding="utf-8")
    for path in (aside / STATE_FILE, aside):
        durable.sync(path)
    old = final.with_suffix(REPLACED)
    if final.exists():  # renamed, not removed: a kill during a removal would leave neither of the two
        _remove(old)
        final.rename(old)
    aside.rename(final)
    durable.keep(final.parent, final)
    _remove(old)


def load(checkpoint: Path, groups: Groups) -> dict[str, Any]:
    """Read a checkpoint into the tensors of `groups`, from however many processes wrote it; gives its values.

    Raises:
        TrainingError: a tensor is missing, has another shape or no finite numbers, or a file cannot be read.
    """
    for group, shards in groups.items():
        # counted in elements, since parts that another number of processes wrote cover a shard piece by piece
        filled = dict.fromkeys(shards, 0)
        for name, offset, part in _parts(checkpoint, group, shards):
            filled[name] += _fill(checkpoint, name, shards[name], offset, part)
        for name, shard in shards.items():
            if filled[name] < shard.local.numel():
                raise TrainingError(f"{checkpoint} is of another model: it does not hold {group} {name}. Move it away.")
    return values_of(checkpoint)


def values_of(checkpoint: Path) -> dict[str, Any]:
    """The plain values of a checkpoint, `step` among them.

    Raises:
        TrainingError: they cannot be read, or there is no step.
    """
    reason: object = f"{STATE_FILE} does not say its step"
    try:
        values = json.loads((checkpoint / STATE_FILE).read_text(encoding="utf-8"))
        if isinstance(values, dict) and type(values.get("step")) is int and values["step"] == _step_of(checkpoint):
            return values
    except (OSError, ValueError, RecursionError) as error:
        reason = error
    raise TrainingError(f"{checkpoint} cannot be read: {reason}. Remove it to go on from the one before.")


def _step_of(checkpoint: Path) -> int:
    """The step that the folder of a checkpoint is called by."""
    return int(checkpoint.with_suffix("").name.removeprefix("step-"))


def read_group(checkpoint: Path, group: str) -> dict[str, Tensor]:
    """The whole tensors of a group, on the CPU.

    Raises:
        TrainingError: a file cannot be read or is missing, or a part of a tensor is in none of them.
    """
    files = _files(checkpoint, group)
    # a group that is empty, as the average of a run that keeps none, has its files too
    lacking = _unfilled(files, group) or ([] if files else [f"the files of {group}"])
    if lacking:  # before memory is taken for what a header may only claim
        raise _lacking(checkpoint, lacking)
    whole: dict[str, Tensor] = {}
    for path in files:
        with _opened(path) as file:
            for name, (shape, offset) in _places(file, path).items():
                part = file.get_tensor(name)
                _check_finite(checkpoint, name, part)
                whole.setdefault(name, torch.empty(shape, dtype=part.dtype))[_slices(offset, part.shape)] = part
    return whole


def _unfilled(files: Sequence[Path], group: str) -> list[str]:
    """The tensors that the parts in files do not fill, counted in elements: there would be what lay in memory."""
    missing: dict[str, int] = {}
    for path in files:
        with _opened(path) as file:
            for name, (shape, _) in _places(file, path).items():
                missing.setdefault(name, math.prod(shape))
                missing[name] -= math.prod(_shape_of(file, name))
    return [f"a part of {group} {name}" for name, count in missing.items() if count > 0]


def checkpoints(run: Path) -> list[Path]:
    """The complete checkpoints of a run's folder, oldest first."""
    folder = Path(run) / FOLDER
    # names that end in a digit: neither `.part` nor `.old`
    whole = {path.parent for path in folder.glob(f"step-*[0-9]/{STATE_FILE}")}
    replaced = {path.parent for path in folder.glob(f"step-*{REPLACED}/{STATE_FILE}")}
    return sorted(whole | {old for old in replaced if old.with_suffix("") not in whole})


def latest(run: Path) -> Path:
    """The newest checkpoint of a run's folder.

    Raises:
        TrainingError: the folder holds none.
    """
    found = checkpoints(run)
    if not found:
        raise TrainingError(f"{run} holds no checkpoint. Train there first.")
    return found[-1]


def check_newest(run: Path, step: int | None) -> None:
    """Refuse to train on from another checkpoint than the newest, beside which the first ones written would be removed.

    Raises:
        TrainingError: the newest is not that of `step`; None says that there is none.
    """
    found = checkpoints(run)
    if (values_of(found[-1])["step"] if found else None) != step:
        raise TrainingError(
            f"Another process has trained in {run} meanwhile. Run the command again to go on from its checkpoint, or "
            "choose another run.out."
        )


def keep_last(run: Path, count: int) -> None:
    """Remove all but the newest checkpoints, and what a killed save left."""
    folder, found = Path(run) / FOLDER, checkpoints(run)
    replaced = [path for path in folder.glob(f"*{REPLACED}") if path not in found]
    for path in [*found[:-count], *replaced, *folder.glob("*.part")]:
        _remove(path)


def _remove(folder: Path) -> None:
    """Remove a checkpoint, its state first: what is left of a killed removal is then no checkpoint."""
    (folder / STATE_FILE).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _file(group: str, rank: int, world: int) -> str:
    return f"{group}-{rank + 1:05d}-of-{world:05d}.safetensors"


def _files(checkpoint: Path, group: str) -> list[Path]:
    """The files of a group, of every process that wrote it; none where no process did.

    Raises:
        TrainingError: names those that are missing.
    """
    found = sorted(checkpoint.glob(f"{group}-*-of-[0-9]*.safetensors"))
    # each name says how many there are
    worlds = {int(path.stem.rpartition("-")[2]) for path in found}
    wanted = {_file(group, rank, world) for world in worlds for rank in range(world)}
    missing = sorted(wanted - {path.name for path in found})
    if missing:
        raise _lacking(checkpoint, missing)
    return found


def _lacking(checkpoint: Path, what: list[str]) -> TrainingError:
    return TrainingError(f"{checkpoint} lacks {', '.join(what[:4])}. Restore it, or remove it: the one before serves.")


def _opened(path: Path) -> Any:
    try:
        return safe_open(str(path), framework="pt")
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"{path} cannot be read: {error}. Remove {path.parent}, the one before serves.") from None


def _places(file: Any, path: Path) -> dict[str, tuple[list[int], list[int]]]:
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


def _parts(checkpoint: Path, group: str, shards: Mapping[str, Shard]) -> Iterator[tuple[str, list[int], Any]]:
    """Name, offset and lazily read part of every stored tensor that is asked for."""
    for path in _files(checkpoint, group):
        with _opened(path) as file:
            for name, (shape, offset) in _places(file, path).items():
                if name not in shards:
                    continue
                if tuple(shape) != shards[name].shape:
                    wanted = list(shards[name].shape)
                    raise TrainingError(f"{checkpoint} is of another model: {name} is {shape} there, {wanted} here.")
                # a scalar has no axis to slice along; of all else only what overlaps is read from the disk
                yield name, offset, file.get_tensor(name) if not shape else file.get_slice(name)


def _check_finite(checkpoint: Path, name: str, values: Tensor) -> None:
    """Raises TrainingError where a number is none: a run never saves such, and would train on without a word."""
    if values.is_floating_point() and not bool(torch.isfinite(values).all()):
        raise TrainingError(
            f"{checkpoint} is damaged: {name} has numbers that are not finite. Remove it, the one before serves."
        )


def _fill(checkpoint: Path, name: str, shard: Shard, offset: list[int], part: Any) -> int:
    """Copy what a stored part and a shard have in common; gives the number of elements."""
    if isinstance(part, Tensor):
        _check_finite(checkpoint, name, part)
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
    _check_finite(checkpoint, name, values)
    with torch.no_grad():
        shard.local[mine].copy_(values)
    return values.numel()


def _slices(offset: list[int], shape: torch.Size) -> tuple[slice, ...]:
    return tuple(slice(start, start + size) for start, size in zip(offset, shape, strict=True))
