"""Weights that others published: files that may hold tensors alone, read without running any code in them."""

import pickle
from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from glmtts.backends import reason_of
from glmtts.errors import GlmTtsError

Module = TypeVar("Module", bound=nn.Module)
WRAPPERS = ("state_dict", "model_state_dict", "model")  # keys under which trainers keep the weights beside the rest


def read_weights(path: Path, what: str, error: type[GlmTtsError]) -> dict[str, Tensor]:
    """Tensors by name of a safetensors file, or of a PyTorch file with a state dict; mapped rather than read.

    Raises:
        `error`: the file is missing, damaged, or holds anything else; `what` names the network in it.
    """
    try:
        state = load_file(path) if path.suffix == ".safetensors" else _unpickled(path)
    except pickle.UnpicklingError:
        raise error(
            f"{path} holds no weights of {what} alone, and was not opened, since it could run code. Give another file."
        ) from None
    except Exception as cause:  # PyTorch raises whatever its unpickler meets in a damaged file
        reason = reason_of(cause, 120)
        raise error(
            f"{path} holds no weights of {what}, or is truncated or damaged ({reason}). Fetch it again."
        ) from None
    for key in WRAPPERS:
        state = state[key] if isinstance(state, dict) and isinstance(state.get(key), dict) else state
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise error(f"{path} holds no weights of {what}: it is no state dict of tensors. Give another file.")
    return state


def _unpickled(path: Path) -> object:
    with path.open("rb") as file:
        archive = file.read(2) == b"PK"  # what PyTorch has written since 1.6; older files cannot be mapped
    # weights_only: an unpickler that makes tensors and plain containers, and calls nothing else
    return torch.load(path, map_location="cpu", weights_only=True, mmap=archive)


def filled(module: Module, weights: dict[str, Tensor], what: str, error: type[GlmTtsError]) -> Module:
    """The module with these weights, for inference; one that was built on the device "meta" takes them as they are.

    Raises:
        `error`: names or shapes differ.
    """
    announced = any(parameter.is_meta for parameter in module.parameters())
    try:
        module.load_state_dict(weights, assign=announced)
    except RuntimeError as cause:
        reason = " ".join(str(cause).split())[:240]
        raise error(f"These are no weights of {what}: {reason}. Give the right file.") from None
    return module.eval().requires_grad_(False)
