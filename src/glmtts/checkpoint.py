"""Training state on disk: nested tensors and numbers in one safetensors file, replaced atomically."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from glmtts.errors import TrainingError


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write nested dicts and lists of tensors, numbers, strings and None; the old file stays until the new is whole."""
    tensors: dict[str, Tensor] = {}
    tree = _take_apart(state, tensors)
    temporary = path.with_suffix(".part")
    save_file(tensors, temporary, metadata={"tree": json.dumps(tree)})
    temporary.replace(path)


def load_state(path: Path) -> dict[str, Any]:
    """Read what `save_state` wrote.

    Raises:
        TrainingError: the file is missing or corrupt.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            tree = json.loads(file.metadata()["tree"])
            return _put_together(tree, lambda name: file.get_tensor(name))
    except (OSError, SafetensorError, KeyError) as error:
        raise TrainingError(f"The training state {path} cannot be read: {error}. Delete it to start anew.") from None


def _take_apart(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        name = f"t{len(tensors)}"
        tensors[name] = value.detach().cpu().clone().contiguous()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"items": [[key, _take_apart(item, tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return {"list": [_take_apart(item, tensors) for item in value]}
    return {"value": value}


def _put_together(tree: Any, tensor: Any) -> Any:
    if "tensor" in tree:
        return tensor(tree["tensor"])
    if "items" in tree:
        return {key: _put_together(item, tensor) for key, item in tree["items"]}
    if "list" in tree:
        return [_put_together(item, tensor) for item in tree["list"]]
    return tree["value"]
