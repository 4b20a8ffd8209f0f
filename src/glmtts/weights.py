"""Weights on disk: safetensors files read into modules, checked against hashes and shapes."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from glmtts.errors import BundleError

# what only training needs of a module's state; a bundle leaves it out
TRAINING_ONLY = ("num_batches_tracked",)
SCALE = ".scale"  # what the scales of a matrix in eight bits are called, after its own name
LARGEST = 127  # of a signed byte
SMALLEST = 1e-8  # a row of zeros is not divided by zero


def check_shapes(module: nn.Module, weights: dict[str, Tensor], file: str) -> None:
    """Compare tensors with what a module holds, which may be of fakes; names of what only training needs are left out.

    Raises:
        BundleError: a tensor is missing, extra, misshapen, or holds a value that is not finite.
    """
    own = module.state_dict()
    needed = {name for name in own if not name.endswith(TRAINING_ONLY)}
    wrong = sorted(needed ^ weights.keys())
    wrong += [f"{k} {list(weights[k].shape)}" for k in needed & weights.keys() if own[k].shape != weights[k].shape]
    if wrong:
        raise BundleError(f"{file} does not fit its configuration; missing, extra or misshapen: {wrong[:8]}.")
    for name, value in weights.items():
        if value.is_floating_point() and not torch.isfinite(value.sum()):  # one pass, without a mask in memory
            raise BundleError(f"{file} holds values in {name} that are not numbers. Install the model again.")


class NoInitialisation(TorchFunctionMode):
    """Modules built inside leave their weights unset, since a file fills them: gigabytes need not be drawn first."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Skip `torch.nn.init`; do everything else."""
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


def read_tensors(path: Path, keep_bfloat16: bool) -> dict[str, Tensor]:
    """All tensors of a file as float32, those that need no change mapped into memory rather than read.

    Matrices of signed bytes are multiplied by the scales that lie beside them (`in_bytes`).

    Raises:
        BundleError: the file is no safetensors file, or holds bytes without a scale a row.
    """
    kept = torch.bfloat16 if keep_bfloat16 else torch.float32
    try:
        with safe_open(str(path), framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        tensors = _unpacked(tensors, path)
        return {name: value if value.dtype == kept else value.float() for name, value in tensors.items()}
    except SafetensorError as error:
        raise BundleError(f"{path} is no safetensors file: {error}. Install the model again.") from None


def stored(state: Mapping[str, Tensor], matrices_in_bytes: bool) -> dict[str, Tensor]:
    """What a bundle's file holds of a module's state: float16, matrices in bytes with their scales where asked for."""
    found: dict[str, Tensor] = {}
    for name, value in state.items():
        if name.endswith(TRAINING_ONLY):
            continue
        if matrices_in_bytes and value.ndim > 1:
            found[name], found[name + SCALE] = in_bytes(value.cpu())
        else:
            found[name] = value.detach().cpu().half().contiguous()
    return found


def in_bytes(value: Tensor) -> tuple[Tensor, Tensor]:
    """A tensor (R, …) as int8 and a float32 scale for each of its rows (R,): value ≈ bytes · scale."""
    rows_RN = value.detach().float().flatten(1)
    # symmetric, without a zero point: one multiplication a row gives the values back
    scales_R = rows_RN.abs().amax(1).clamp(min=SMALLEST) / LARGEST
    return (rows_RN / scales_R[:, None]).round().to(torch.int8).view(value.shape), scales_R


def _unpacked(tensors: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The tensors with those of bytes multiplied out; scales are no tensors of their own then."""
    # a list, since scales leave the dict meanwhile
    for name in [name for name, value in tensors.items() if value.dtype == torch.int8]:
        value, scale_R = tensors[name], tensors.pop(name + SCALE, None)
        if scale_R is None or scale_R.shape != value.shape[:1]:
            raise BundleError(f"{path} has no scale for each row of {name}. Install the model again.")
        # (R,) to (R, 1, …): one scale a row
        tensors[name] = value.float() * scale_R.float().view(-1, *[1] * (value.ndim - 1))
    return tensors


def renamed(tensors: dict[str, Tensor], patterns: Mapping[str, str]) -> dict[str, Tensor]:
    """The tensors under their present names; each pattern is replaced in turn.

    Raises:
        BundleError: a tensor is there by an earlier name and by its present one, and one of the two would be lost.
    """
    for pattern, replacement in patterns.items():
        names = [re.sub(pattern, replacement, name) for name in tensors]
        if len(set(names)) < len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise BundleError(f"The model holds {', '.join(twice[:4])} by two names. Install the model again.")
        tensors = dict(zip(names, tensors.values(), strict=True))
    return tensors


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
