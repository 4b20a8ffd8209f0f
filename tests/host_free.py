"""Whether work could be recorded as a CUDA graph, as far as a CPU can tell."""

from collections.abc import Callable, Hashable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from glmtts.graphs import Direct


class NothingFromTheHost(TorchDispatchMode):
    """Refuses what a recording cannot hold: values that the host waits for, and tensors made of its numbers."""

    WAITS = ("_local_scalar_dense", "nonzero", "lift_fresh", "scalar_tensor", "masked_select", "aten.equal")

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation, if it may be there."""
        assert not any(name in str(func) for name in self.WAITS), f"a step does {func}"
        return func(*args, **(kwargs or {}))


class Watched(Direct):
    """Runs work as it is, with nothing from the host."""

    def run(self, key: Hashable, work: Callable[[], Any], state: Tensor | None = None) -> Any:
        """See `graphs.Replayer`."""
        with NothingFromTheHost():
            return work()
