"""The second network of an adversarial task: it judges what the first one makes, and both train in turns.

It is small, so every process holds it whole and gradients are averaged here; wrappers for distributed training would
have to know which of its two forward passes is followed by a gradient.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from glmtts.training.loader import seed_draws
from glmtts.training.optimizer import Optimizer
from glmtts.training.processes import Processes
from glmtts.training.shards import Shard, shards_of
from glmtts.training.task import Metrics, Task


class Adversary:
    """The critic with its optimizer."""

    def __init__(self, task: Task, processes: Processes) -> None:
        self.task, self.processes, self.config = task, processes, task.config
        # alike on every process, as each holds the critic whole and no wrapper compares them
        seed_draws(self.config.run.seed, "critic")
        self.critic = task.build_critic().to(processes.device)
        self.optimizer = Optimizer(self.critic, self.config.optimizer, processes.device)

    def joins(self, step: int) -> bool:
        """Whether the critic takes part in a step."""
        return self.task.critic_from is not None and step >= self.task.critic_from

    def train_step(self, batches: Sequence[tuple[int, Any]], fake: Callable[[int, Any], Any]) -> Metrics:
        """One step of the critic on numbered micro-batches; `fake` makes what it is to tell from the real.

        The first network is then trained against the critic after this step. Its forward pass runs twice a step, for
        the critic without gradients, so that no graphs of several micro-batches need to be kept.
        """
        self.critic.train().requires_grad_(True)
        total: Metrics = {}
        for number, batch in batches:
            made = fake(number, batch)
            # anew: how many numbers `fake` drew must not change what the critic draws
            seed_draws(self.config.run.seed, number)
            loss, metrics = self.task.critic_loss(self.critic, batch, made)
            (loss / len(batches)).backward()
            for name, value in metrics.items():
                total[name] = total.get(name, torch.zeros_like(value)) + value.detach() / len(batches)
        self.processes.average_gradients(self.critic)
        self.optimizer.step(self.config.optimizer.critic_learning_rate)
        self.critic.requires_grad_(False)  # the first network's loss passes through it
        return total

    def groups(self) -> dict[str, dict[str, Shard]]:
        """Weights and optimizer, for checkpoints."""
        return {"critic": shards_of(self.critic), "critic_optimizer": self.optimizer.shards()}
