"""Checkpoints: every process writes its part of the tensors as safetensors, and any number of processes reads them.

A checkpoint is a folder `checkpoints/step-00000250` with one file a group of tensors and process, whose header says
where in the whole tensor each part lies, and `state.json` with plain values. It is written aside and renamed, so that
a killed save leaves the one before. (PyTorch's distributed checkpoints describe themselves in a pickled file.)
"""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from glmtts import durable
from glmtts.errors import TrainingError
from glmtts.training.config import writable
from glmtts.training.parts import (
    check_finite,
    file_name,
    files_of,
    fill,
    lacking,
    opened,
    parts_of,
    places_of,
    slices,
    unfilled,
)
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
        path = aside / file_name(group, rank, world)
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
        for name, offset, part in parts_of(checkpoint, group, shards):
            filled[name] += fill(checkpoint, name, shards[name], offset, part)
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
    files = files_of(checkpoint, group)
    # a group that is empty, as the average of a run that keeps none, has its files too
    missing = unfilled(files, group) or ([] if files else [f"the files of {group}"])
    if missing:  # before memory is taken for what a header may only claim
        raise lacking(checkpoint, missing)
    whole: dict[str, Tensor] = {}
    for path in files:
        with opened(path) as file:
            for name, (shape, offset) in places_of(file, path).items():
                part = file.get_tensor(name)
                check_finite(checkpoint, name, part)
                whole.setdefault(name, torch.empty(shape, dtype=part.dtype))[slices(offset, part.shape)] = part
    return whole


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
