"""The processes of a run and how they share a model: alone, DDP, or FSDP2; on GPUs, or on CPUs with gloo.

Accelerate finds device, rank and world size (`accelerate launch`, `torchrun` or a plain start) and wraps for DDP. Its
FSDP2 plugin asks for an accelerator, so `fully_shard` is called here.
"""

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import torch
import torch.distributed as dist
from accelerate import Accelerator, DistributedDataParallelKwargs
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.utils.checkpoint import checkpoint

from glmtts.device import chosen_device
from glmtts.errors import ConfigError
from glmtts.training.config import DistributedSection


class Inside(nn.Module):
    """Runs any function of a model inside its own forward, where DDP and FSDP have the weights ready.

    So a loss may use single weights (a tied embedding, say), and evaluation and generation need no wrapper's method.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """`function(model, *arguments)`."""
        return function(self.model, *arguments)


class Processes:
    """This process among all of a run."""

    def __init__(self, config: DistributedSection) -> None:
        self.config = config
        buffers = DistributedDataParallelKwargs(broadcast_buffers=False)  # all processes compute the same ones
        # Accelerate would take a GPU wherever there is one
        on_cpu = chosen_device(config.device).type == "cpu"
        self.accelerator = Accelerator(cpu=on_cpu, kwargs_handlers=[buffers])
        self.index, self.count = self.accelerator.process_index, self.accelerator.num_processes
        self.device, self.first = self.accelerator.device, self.accelerator.is_main_process
        if self.count > 1 and config.strategy == "none":
            raise ConfigError(f"{self.count} processes share no work with distributed.strategy none. Say ddp or fsdp.")
        # Clock and signals go over CPUs: asking a GPU would halt it at every step.
        self._control = dist.new_group(backend="gloo") if self.count > 1 else None

    def wrap(self, model: nn.Module, units: list[nn.Module]) -> nn.Module:
        """The model on its device as `Inside`, with what the configuration asks for done to it and its blocks."""
        model.to(self.device)
        for unit in units:
            if self.config.activation_checkpointing:
                _recompute(unit)
            if self.config.compile:
                unit.compile()
        inside = Inside(model)
        if self.count == 1:
            return inside
        if self.config.strategy == "ddp":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # of the new name of broadcast_buffers in torch 2.13
                return self.accelerator.prepare_model(inside)
        mesh = init_device_mesh(self.device.type, (self.count,))
        frozen = {parameter for parameter in model.parameters() if not parameter.requires_grad}
        for unit in units:
            fully_shard(unit, mesh=mesh, ignored_params=frozen)
        # what lies outside of the blocks is not let go after the forward: the backward begins with it at once
        return cast(nn.Module, fully_shard(inside, mesh=mesh, reshard_after_forward=False, ignored_params=frozen))

    def gradients(self, inside: nn.Module, last: bool) -> AbstractContextManager[Any]:
        """Around one backward pass: DDP gathers gradients after the last one only.

        FSDP gathers after each, since whole gradients until the last would cost the memory that sharding saves.
        """
        if isinstance(inside, nn.parallel.DistributedDataParallel) and not last:
            return inside.no_sync()
        return nullcontext()

    def release(self, inside: nn.Module) -> None:
        """Let FSDP gather the weights anew before the next forward, since they were changed since the last."""
        for module in inside.modules():
            if isinstance(module, FSDPModule):
                module.reshard()

    @torch.no_grad()
    def average_gradients(self, network: nn.Module) -> None:
        """Replace the gradients of a network that every process holds whole by their mean over processes."""
        if self.count > 1:
            for parameter in network.parameters():
                if parameter.grad is not None:
                    dist.all_reduce(parameter.grad)
                    # a mean, as DDP and FSDP take it of the other network's
                    parameter.grad /= self.count

    def total(self, values: Tensor) -> Tensor:
        """Sum of a tensor over processes, on its device."""
        return cast(Tensor, self.accelerator.reduce(values, "sum")) if self.count > 1 else values

    def agree(self, minutes: float, stop: bool) -> tuple[float, bool]:
        """The first process's clock, and whether any process was told to stop."""
        if self._control is None:
            return minutes, stop
        # a sum to which the first process alone adds a clock; float64, since the minutes must come back as they were
        told = torch.tensor([minutes if self.first else 0.0, float(stop)], dtype=torch.float64)
        dist.all_reduce(told, group=self._control)
        return float(told[0]), bool(told[1] > 0)

    def wait(self) -> None:
        """Halt until every process is here."""
        self.accelerator.wait_for_everyone()


def _recompute(unit: nn.Module) -> None:
    """Forget the unit's activations after its forward and compute them again in the backward; names stay the same."""
    forward = unit.forward

    def recomputed(*arguments: Any, **named: Any) -> Any:
        if not torch.is_grad_enabled():
            return forward(*arguments, **named)
        # the reentrant kind takes no keyword arguments
        return checkpoint(forward, *arguments, use_reentrant=False, **named)

    unit.forward = recomputed
