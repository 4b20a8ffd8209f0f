"""Weights of published networks: read, and checked against the module that they fill."""

from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from glmtts.errors import EvaluationError

Module = TypeVar("Module", bound=nn.Module)


def read_weights(path: Path, what: str) -> dict[str, Tensor]:
    """Tensors of a safetensors file, or of a PyTorch file that holds nothing but tensors and plain values.

    Raises:
        EvaluationError: the file is missing or neither; `what` names the network in it.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        values = torch.load(path, map_location="cpu", weights_only=True)  # runs no code of the file
    except (OSError, SafetensorError, RuntimeError, ValueError, EOFError, KeyError) as error:
        reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise EvaluationError(f"{path} holds no weights of {what}: {reason}. Give the file again.") from None
    return values["model"] if isinstance(values, dict) and isinstance(values.get("model"), dict) else values


def filled(module: Module, weights: dict[str, Tensor], what: str) -> Module:
    """The module with these weights, for inference.

    Raises:
        EvaluationError: names or shapes differ.
    """
    try:
        module.load_state_dict(weights)
    except (RuntimeError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:240]
        raise EvaluationError(f"These are no weights of {what}: {reason}. Give the right file.") from None
    return module.eval().requires_grad_(False)
