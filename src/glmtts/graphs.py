"""CUDA graphs: work of fixed shapes at fixed addresses is recorded once and launched as one.

A step of a language model is some hundred kernels, each shorter than its launch; as a graph they follow each other
without the host. Work that is recorded must read and write the same tensors every time and must not wait for the GPU.
"""

import os
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Any, Literal, Protocol, cast, get_args

import torch
from torch import Tensor, nn

from glmtts.errors import ConfigError

Acceleration = Literal["none", "graphs", "compile"]
VARIABLE = "GLMTTS_ACCELERATION"  # for programs that load a model where nobody can be asked
WARM_UP = 3  # runs before a recording: libraries choose their kernels and take their workspaces in the first ones
_recording = threading.Lock()  # one thread at a time


class Replayer(Protocol):
    """Runs work that is the same for the same key."""

    def run(self, key: Hashable, work: Callable[[], Any], state: Tensor | None = None) -> Any:
        """What `work` gives; where it is a recording's, it is overwritten by the next run of the same key.

        To record it, work is run some times more; `state` is what that must not change.
        """
        ...

    def clear(self) -> None:
        """Forget all recordings, since addresses have changed."""
        ...


class Direct:
    """Runs work as it is: without a GPU, and where recordings are not wanted."""

    def run(self, key: Hashable, work: Callable[[], Any], state: Tensor | None = None) -> Any:
        """See `Replayer`."""
        return work()

    def clear(self) -> None:
        """There is nothing to forget."""


class CudaGraphs:
    """Records work when a key comes for the first time; the key that was not used for longest makes room.

    All recordings of one object share their memory, so they must not run at the same time.
    """

    def __init__(self, device: torch.device, most: int) -> None:
        self._device, self._most, self._pool = device, most, torch.cuda.graph_pool_handle()
        self._recorded: OrderedDict[Hashable, tuple[torch.cuda.CUDAGraph, Any] | None] = OrderedDict()

    def run(self, key: Hashable, work: Callable[[], Any], state: Tensor | None = None) -> Any:
        """See `Replayer`. Work that cannot be recorded is run as it is, with one warning."""
        with torch.cuda.device(self._device):
            if key not in self._recorded:
                # room is made before the recording, so that memory never holds one more than `most`
                while len(self._recorded) >= self._most:
                    self._recorded.popitem(last=False)
                self._recorded[key] = self._record(work, state)
            self._recorded.move_to_end(key)
            recording = self._recorded[key]
            # what could not be recorded once is not tried again
            if recording is None:
                return work()
            graph, output = recording
            graph.replay()
            return output

    def clear(self) -> None:
        """See `Replayer`."""
        self._recorded.clear()
        self._pool = torch.cuda.graph_pool_handle()

    def _record(self, work: Callable[[], Any], state: Tensor | None) -> tuple[torch.cuda.CUDAGraph, Any] | None:
        graph, side = torch.cuda.CUDAGraph(), torch.cuda.Stream()
        # the runs before the recording are real ones: they would advance it
        before = None if state is None else state.clone()
        # a stream of its own, as the default one cannot be captured
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                work()
        torch.cuda.current_stream().wait_stream(side)
        try:
            # other threads go on launching and taking memory meanwhile, which only a mode of this thread alone allows
            mode = "thread_local"
            with _recording, torch.cuda.graph(graph, pool=self._pool, stream=side, capture_error_mode=mode):
                output = work()
        except RuntimeError as error:
            warnings.warn(f"CUDA graphs are not used: {error}", RuntimeWarning, stacklevel=2)
            return None
        finally:
            if state is not None and before is not None:
                state.copy_(before)
        return graph, output


def chosen(name: str, device: torch.device) -> Acceleration:
    """How modules use a device: `none`, `graphs`, or `compile`, which compiles what graphs record.

    `auto` is what the variable GLMTTS_ACCELERATION says, or else graphs on a CUDA device and nothing elsewhere.

    Raises:
        ConfigError: there is no such way.
    """
    wanted = os.environ.get(VARIABLE) or "auto" if name == "auto" else name
    if wanted == "auto":
        return "graphs" if device.type == "cuda" else "none"
    if wanted not in get_args(Acceleration):
        raise ConfigError(f"The acceleration is '{wanted}'. Choose one of auto, {', '.join(get_args(Acceleration))}.")
    return cast(Acceleration, wanted)


def compile_blocks(blocks: Iterable[nn.Module]) -> None:
    """Compile the blocks of a network when they are first used, once for all lengths."""
    for block in blocks:
        block.compile(dynamic=True)


def replayer(device: torch.device, most: int) -> Replayer:
    """Graphs, at most so many, on a CUDA device; elsewhere work runs as it is."""
    return CudaGraphs(device, most) if device.type == "cuda" else Direct()
