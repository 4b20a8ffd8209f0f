"""The parts of a model's tensors that this process holds, as plain tensors: one form for whole and sharded training.

`fully_shard` turns parameters into DTensors, split along their first axis. The optimizer, the average of the weights
and the checkpoints all work on the local parts, so that none of them differs between one process and many.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor


@dataclass(frozen=True)
class Shard:
    """`local` shares memory with its tensor and lies at `offset` in the whole one, which has the shape `shape`.

    `whole` says that every process holds all of it, so that one of them saves it.
    """

    local: Tensor
    shape: tuple[int, ...]
    offset: tuple[int, ...]
    whole: bool

    def like(self, local: Tensor) -> "Shard":
        """The same place in another tensor of the same shape."""
        return Shard(local, self.shape, self.offset, self.whole)


def shard_of(tensor: Tensor) -> Shard:
    """This process's part of a tensor or DTensor."""
    shape = tuple(tensor.shape)
    if not isinstance(tensor, DTensor):
        return Shard(tensor.detach(), shape, (0,) * len(shape), True)
    mesh = tensor.device_mesh
    rows = -(-shape[0] // mesh.size())  # as torch.chunk splits: the last processes may hold less, or nothing
    first = min(mesh.get_local_rank() * rows, shape[0])
    return Shard(tensor.to_local().detach(), shape, (first, *(0,) * (len(shape) - 1)), False)


def shards_of(module: nn.Module) -> dict[str, Shard]:
    """This process's part of every entry of the module's `state_dict`."""
    return {name: shard_of(value) for name, value in module.state_dict(keep_vars=True).items()}


def local_leaf(parameter: nn.Parameter) -> nn.Parameter:
    """What an optimizer may step: the parameter, or a leaf over the local part of a DTensor, in the same memory."""
    if not isinstance(parameter, DTensor):
        return parameter
    return nn.Parameter(parameter.to_local().detach())


def take_gradients(parameters: list[nn.Parameter], leaves: list[nn.Parameter]) -> None:
    """Hand the gradients of parameters over to their leaves."""
    for parameter, leaf in zip(parameters, leaves, strict=True):
        if parameter is not leaf:
            gradient = parameter.grad
            leaf.grad = gradient.to_local() if isinstance(gradient, DTensor) else gradient
            # the optimizer clears the leaf's gradient alone: left here, the next backward would add to it
            parameter.grad = None


def is_sharded(module: nn.Module) -> bool:
    """Whether any parameter is split over processes."""
    return any(isinstance(parameter, DTensor) for parameter in module.parameters())


def total_norm(leaves: list[nn.Parameter], sharded: bool, device: torch.device) -> Tensor:
    """Euclidean norm of all gradients, over all processes where they are sharded; a scalar on `device`."""
    gradients = [leaf.grad for leaf in leaves if leaf.grad is not None and leaf.grad.numel()]
    norm = torch.nn.utils.get_total_norm(gradients) if gradients else torch.zeros(())
    if not sharded:
        return norm.to(device)
    # norms of parts do not add up, their squares do
    squared = norm.to(device).float().square()
    torch.distributed.all_reduce(squared)
    return squared.sqrt()
