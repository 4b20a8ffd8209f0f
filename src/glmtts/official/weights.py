"""Released weights, read one tensor at a time: safetensors shards, and pickles that may hold tensors alone."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from glmtts.errors import ReleaseError
from glmtts.foreign import read_weights

# as safetensors and as PyTorch name them
DTYPES = ("F32", "F16", "BF16", "torch.float32", "torch.float16", "torch.bfloat16")


class Weights(Protocol):
    """Named tensors whose shapes are known before they are read."""

    origin: str

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes."""

    def tensor(self, name: str) -> Tensor:
        """One tensor."""


class Shards:
    """Weights in safetensors files; nothing but headers stays in memory."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.origin = str(paths[0].parent)
        self._places: dict[str, tuple[Path, tuple[int, ...]]] = {}
        for path in paths:
            try:
                with safe_open(str(path), framework="pt") as file:
                    for name in file.keys():  # noqa: SIM118
                        part = file.get_slice(name)
                        _check_dtype(str(part.get_dtype()), f"{path}: {name}")
                        if name in self._places:
                            raise ReleaseError(
                                f"{name} stands in two shards of {path.parent}. Fetch the release again."
                            )
                        self._places[name] = path, tuple(part.get_shape())
            except (SafetensorError, OSError) as error:
                raise ReleaseError(f"{path} is truncated or damaged ({error}). Fetch it again.") from None

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes."""
        return {name: shape for name, (_, shape) in self._places.items()}

    def tensor(self, name: str) -> Tensor:
        """One tensor. Raises ReleaseError where its file was changed meanwhile."""
        path = self._places[name][0]
        try:
            # opened anew for each tensor, so that nothing read before stays in memory
            with safe_open(str(path), framework="pt") as file:
                return file.get_tensor(name)
        except (SafetensorError, OSError) as error:
            raise ReleaseError(f"{path} is truncated or damaged ({error}). Fetch it again.") from None


class Loaded:
    """Weights that are in memory, or mapped into it."""

    def __init__(self, origin: Path, state: dict[str, Tensor]) -> None:
        self.origin, self._state = str(origin), state

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes."""
        return {name: tuple(value.shape) for name, value in self._state.items()}

    def tensor(self, name: str) -> Tensor:
        """One tensor."""
        return self._state[name]


def load_pickle(path: Path, change: Callable[[dict[str, Tensor]], dict[str, Tensor]] | None = None) -> Loaded:
    """A state dict, or `{"model": state dict}`, from a PyTorch file; mapped, not read. No code in it is run.

    Raises:
        ReleaseError: the file is damaged, or holds anything else than tensors.
    """
    state = read_weights(path, "the release", ReleaseError)
    for name, value in state.items():
        if not isinstance(name, str):
            raise ReleaseError(f"{path} names a tensor {name!r}: it is no released module. Fetch it again.")
        _check_dtype(str(value.dtype), f"{path}: {name}")
        if value.layout is not torch.strided or value.is_meta:  # sparse, or a shape without values
            raise ReleaseError(f"{path}: {name} is no plain tensor, and the release has no others. Fetch it again.")
    state = {name: value.detach() for name, value in state.items()}
    return Loaded(path, change(state) if change else state)


def _check_dtype(found: str, place: str) -> None:
    if found not in DTYPES:
        raise ReleaseError(f"{place} is stored as {found}; weights are float32 or of half precision. Fetch it again.")
