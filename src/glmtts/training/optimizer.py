"""AdamW over this process's part of the parameters: clipped, without decay on vectors, without reading from a device.

A step whose gradient is not finite is left out on the device itself, by the flag that fused AdamW has for it. So is one
whose gradient is zero everywhere, which taught nothing: momentum and decay alone would still move the weights.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from glmtts.training.config import OptimizerSection
from glmtts.training.shards import Shard, is_sharded, local_leaf, shard_of, take_gradients, total_norm

MOMENTS = ("exp_avg", "exp_avg_sq")


def decays(parameter: Tensor) -> bool:
    """Whether weight decay applies: not to norms, biases and other vectors, whose size decay would only distort."""
    # axes of one do not make a matrix of a vector
    return sum(size > 1 for size in parameter.shape) > 1


class Optimizer:
    """AdamW (Loshchilov and Hutter, 2019) for the trainable parameters of one network."""

    def __init__(self, module: nn.Module, config: OptimizerSection, device: torch.device) -> None:
        named = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
        self.names, self.parameters = [name for name, _ in named], [p for _, p in named]
        self.leaves = [local_leaf(p) for p in self.parameters]
        self.config, self.device, self.sharded = config, device, is_sharded(module)
        groups = [
            {"params": list(self._held(True)), "weight_decay": config.weight_decay},
            {"params": list(self._held(False)), "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]
        self.adamw = torch.optim.AdamW(groups, lr=config.learning_rate, betas=config.betas, fused=True)
        self.skipped = torch.zeros((), device=device)  # steps left out so far, in this session

    def _held(self, decayed: bool) -> Iterable[nn.Parameter]:
        """Leaves with and without decay; a process may hold nothing of a small parameter."""
        pairs = zip(self.parameters, self.leaves, strict=True)
        return (leaf for parameter, leaf in pairs if decays(parameter) == decayed and leaf.numel())

    def step(self, rate: float) -> Tensor:
        """Clip and step with the gradients that the backward passes left, and clear them; gives their norm."""
        take_gradients(self.parameters, self.leaves)
        norm = total_norm(self.leaves, self.sharded, self.device)
        # by the norm over all processes: each would else clip its part by another factor
        torch.nn.utils.clip_grads_with_norm_(self.leaves, self.config.gradient_clip, norm)
        bad = (~torch.isfinite(norm)).float()
        self.skipped += bad
        for group in self.adamw.param_groups:
            group["lr"] = rate
        self.adamw.found_inf = torch.maximum(bad, (norm == 0).float())  # type: ignore[attr-defined]
        self.adamw.step()
        self.adamw.zero_grad(set_to_none=True)
        return norm

    def shards(self) -> dict[str, Shard]:
        """Moments and step counts of every parameter, zero where there were no gradients yet."""
        kept: dict[str, Shard] = {}
        for name, parameter, leaf in zip(self.names, self.parameters, self.leaves, strict=True):
            state, place = self._state(leaf), shard_of(parameter)
            for moment in MOMENTS:
                kept[f"{moment}.{name}"] = place.like(state[moment])
            kept[f"step.{name}"] = shard_of(state["step"])
        return kept

    def _state(self, leaf: nn.Parameter) -> dict[str, Tensor]:
        """AdamW's own tensors of a leaf, made where it has none yet, so that a checkpoint can be read into them."""
        state = self.adamw.state[leaf]
        if not state:
            # on the device, where fused AdamW counts its steps
            state["step"] = torch.zeros((), dtype=torch.float32, device=leaf.device)
            for moment in MOMENTS:
                state[moment] = torch.zeros_like(leaf, memory_format=torch.preserve_format)
        return state
