"""Means of metrics that stay on the device until they are asked for."""

import torch
from torch import Tensor

from glmtts.training.processes import Processes
from glmtts.training.task import Metrics


class Meter:
    """Sums metrics over micro-batches, and over processes when read."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    @torch.no_grad()
    def add(self, metrics: Metrics) -> None:
        """Take in scalars on the device; nothing is read back."""
        for name, value in metrics.items():
            value = value.detach().float()
            # a copy: the owner may go on counting in its tensor in place, as the optimizer does with `skipped`
            self._sums[name] = self._sums[name] + value if name in self._sums else value.clone()
            self._counts[name] = self._counts.get(name, 0) + 1

    def read(self, processes: Processes) -> dict[str, float]:
        """Means since the last reading, the same on all processes, which must have the same metrics."""
        if not self._sums:
            return {}
        counts = torch.tensor(list(self._counts.values()), dtype=torch.float32)
        sums = torch.stack(list(self._sums.values()))
        # sums and counts in one reduction over the processes
        both = processes.total(torch.stack([sums, counts.to(sums.device)]))
        means = dict(zip(self._sums, (both[0] / both[1]).tolist(), strict=True))
        self._sums, self._counts = {}, {}
        return means
