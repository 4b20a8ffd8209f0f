"""Low-rank adapters (LoRA, Hu et al., 2021) of a network, and forwards in which every row uses its own.

An adapter adds up (down x) to linear layers of a network that stays as it is. Rows of one forward are grouped by their
adapters: the network's own product serves all of them, and each group adds its two small ones, as in S-LoRA (Sheng et
al., 2023). So requests with different adapters are decoded together, each as if alone. Nothing is compiled for an
adapter and no weight is changed for it; to switch is to name another one.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, Self
from weakref import WeakKeyDictionary, WeakSet

import torch
from torch import Tensor, nn

from glmtts.errors import VoiceError


@dataclass(frozen=True)
class LowRank:
    """What an adapter adds to one linear layer of I inputs and O outputs: up (down x), its scale within `up`."""

    down_RI: Tensor
    up_OR: Tensor

    def of(self, x: Tensor) -> Tensor:
        """The product (…, O) of inputs (…, I)."""
        return x @ self.down_RI.T @ self.up_OR.T


@dataclass(frozen=True, eq=False)
class Adapter:
    """The low-rank parts of one network by the names of its linear layers; equal only to itself."""

    parts: Mapping[str, LowRank]

    @property
    def bytes(self) -> int:
        """Memory of its tensors."""
        return sum(part.down_RI.nbytes + part.up_OR.nbytes for part in self.parts.values())

    def to(self, device: torch.device, dtype: torch.dtype) -> Self:
        """The adapter on a device, in a precision."""
        moved = {
            name: LowRank(part.down_RI.to(device, dtype), part.up_OR.to(device, dtype))
            for name, part in self.parts.items()
        }
        return type(self)(moved)


class RowAdapters:
    """Which adapter each of B rows of a batch uses, None for the network alone; rows come, go and move."""

    def __init__(self, rows: Sequence[Adapter | None] = ()) -> None:
        self._rows = list(rows)
        self._forget()

    def _forget(self) -> None:
        self._groups: dict[Adapter, list[int]] | None = None
        self._places: dict[tuple[Adapter, int], Tensor] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, adapter: Adapter | None, count: int) -> None:
        """`count` more rows at the end."""
        self._rows += [adapter] * count
        self._forget()

    def reorder(self, rows: Sequence[int]) -> None:
        """Row i becomes what row `rows[i]` was; rows that are not named leave."""
        self._rows = [self._rows[row] for row in rows]
        self._forget()

    @property
    def groups(self) -> dict[Adapter, list[int]]:
        """The numbers of the rows that use each adapter."""
        if self._groups is None:
            self._groups = {}
            for number, adapter in enumerate(self._rows):
                if adapter is not None:
                    self._groups.setdefault(adapter, []).append(number)
        return self._groups

    @contextmanager
    def applied(self, network: nn.Module) -> Iterator[None]:
        """Forwards of `network` inside, on this thread, use these adapters.

        The rows of a forward are these B, or several times B in the same order, as guidance has them.
        """
        if not self.groups:
            yield
            return
        for adapter in self.groups:
            attach(network, adapter)
        token = _in_use.set(self)
        try:
            yield
        finally:
            _in_use.reset(token)

    def add_to(self, output: Tensor, x: Tensor, name: str) -> Tensor:
        """The output (k B, …, O) of the linear layer `name` for x (k B, …, I), and what the rows' adapters add."""
        for adapter, rows in self.groups.items():
            part = adapter.parts.get(name)
            if part is None:
                continue
            # all rows alike: no gather, no scatter
            if len(rows) == len(self._rows):
                output = output + part.of(x)
            else:
                places_N = self._places_of(adapter, len(x), x.device)
                # index_add takes one type alone, and autocast may give the product in another
                output = output.index_add(0, places_N, part.of(x.index_select(0, places_N)).to(output.dtype))
        return output

    def _places_of(self, adapter: Adapter, count: int, device: torch.device) -> Tensor:
        """Where the rows of an adapter lie among `count`, (N,); kept, since every layer and step asks."""
        key = (adapter, count)
        if key not in self._places:
            # guidance repeats the batch: the rows stand at the same places of every repetition
            starts = torch.arange(0, count, len(self._rows))
            self._places[key] = (starts[:, None] + torch.tensor(self.groups[adapter])).flatten().to(device)
        return self._places[key]


# of each thread: requests that are decoded on another one have rows of their own
_in_use: ContextVar[RowAdapters | None] = ContextVar("row_adapters", default=None)
# weak, so that a network that is given up goes with its entry
_attached: WeakKeyDictionary[nn.Module, set[str]] = WeakKeyDictionary()
# apart from the layers: an adapter of layers that take part already may still be of other sizes
_fitting: WeakKeyDictionary[nn.Module, WeakSet[Adapter]] = WeakKeyDictionary()
_attaching = threading.Lock()


def attach(network: nn.Module, adapter: Adapter) -> None:
    """Let the linear layers of a network that an adapter names take part; those that do already are left alone.

    Raises:
        VoiceError: the network has no such layer, or one of other sizes.
    """
    # without the lock, since every forward with adapters comes by; what is out of date here is looked at again below
    if adapter in _fitting.get(network, ()):
        return
    layers = layers_of(network, adapter)
    # two threads at once would hook a layer twice, and add the product twice
    with _attaching:
        known = _attached.setdefault(network, set())
        for name in layers.keys() - known:
            layers[name].register_forward_hook(partial(_add, name))
            known.add(name)
        _fitting.setdefault(network, WeakSet()).add(adapter)


def layers_of(network: nn.Module, adapter: Adapter) -> dict[str, nn.Linear]:
    """The layers of a network that an adapter names.

    Raises:
        VoiceError: the network has no such layer, or one of other sizes.
    """
    return {name: _layer(network, name, part) for name, part in adapter.parts.items()}


def _layer(network: nn.Module, name: str, part: LowRank) -> nn.Linear:
    try:
        layer = network.get_submodule(name)
    except AttributeError:
        layer = None
    if not isinstance(layer, nn.Linear):
        raise VoiceError(f"The voice adapts the layer {name}, which this model has not. Use the model it was made for.")
    own, wanted = tuple(layer.weight.shape), (len(part.up_OR), part.down_RI.shape[1])
    if own != wanted:
        raise VoiceError(
            f"The voice adapts the layer {name} as one of sizes {wanted}, and this model's has {own}. "
            "Use the model it was made for."
        )
    return layer


def _add(name: str, layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
    # none in use: another request's hook changes nothing here
    rows = _in_use.get()
    return output if rows is None else rows.add_to(output, inputs[0], name)
