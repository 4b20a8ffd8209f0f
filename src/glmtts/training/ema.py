"""The exponential moving average of the trained weights, kept in float32 for the local parts alone."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from glmtts.training.shards import Shard, shard_of


class Average:
    """Averages the trainable parameters; buffers and frozen weights count as they are. A decay of 0 keeps nothing."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        named = [(name, p) for name, p in module.named_parameters() if p.requires_grad and decay]
        self.places = {name: shard_of(p) for name, p in named}
        self._weights = [place.local for place in self.places.values()]
        # .float() of a float32 weight is the weight itself, which the optimizer changes in place
        self._averages = [weight.float().clone() for weight in self._weights]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after step `step`; the first steps count for more, as they are soon outdated."""
        if self._averages:
            # the warm-up of TensorFlow's ExponentialMovingAverage
            decay = min(self.decay, (1 + step) / (10 + step))
            # average + (weight − average) (1 − decay)
            torch._foreach_lerp_(self._averages, [weight.float() for weight in self._weights], 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The module has the averaged weights inside."""
        # clones, since the copy writes into the same memory
        kept = [weight.clone() for weight in self._weights]
        self._copy(self._averages)
        try:
            yield
        finally:
            self._copy(kept)

    @torch.no_grad()
    def _copy(self, values: list[torch.Tensor]) -> None:
        for weight, value in zip(self._weights, values, strict=True):
            weight.copy_(value)

    def shards(self) -> dict[str, Shard]:
        """The averages by the names of their parameters."""
        return {name: place.like(kept) for (name, place), kept in zip(self.places.items(), self._averages, strict=True)}
