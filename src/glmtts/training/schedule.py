"""The learning rate over steps or over minutes, and events that fall due by either clock."""

import math
from dataclasses import dataclass

from glmtts.training.config import OptimizerSection, ScheduleSection


def learning_rate(optimizer: OptimizerSection, schedule: ScheduleSection, step: int, minutes: float) -> float:
    """Linear warm-up, then a cosine from `learning_rate` to `final_learning_rate`.

    `step` counts from 0, `minutes` is the time trained so far. A run measured in minutes may still warm up over steps.
    """
    if schedule.warmup_minutes is not None:
        warm = min(1.0, minutes / schedule.warmup_minutes) if schedule.warmup_minutes else 1.0
    else:
        # step + 1: the first step moves something too
        warm = min(1.0, (step + 1) / schedule.warmup_steps) if schedule.warmup_steps else 1.0
    # a rate for fine-tuning may lie below the usual final one, and must not rise to it
    final = min(optimizer.final_learning_rate, optimizer.learning_rate)
    if warm < 1:
        return optimizer.learning_rate * max(warm, 1e-3)  # the first step of a warm-up by time has no time yet
    share = 0.5 * (1 + math.cos(math.pi * progress(schedule, step, minutes)))
    return final + share * (optimizer.learning_rate - final)


def progress(schedule: ScheduleSection, step: int, minutes: float) -> float:
    """How much of the run after its warm-up is done, 0 to 1."""
    if schedule.steps is not None:
        # a warm-up over minutes has no steps to take off
        warm_steps = schedule.warmup_steps if schedule.warmup_minutes is None else 0
        return min(1.0, max(0.0, (step - warm_steps) / max(1, schedule.steps - warm_steps)))
    # a warm-up over steps has no minutes to take off
    whole, warm = schedule.minutes or 0.0, schedule.warmup_minutes or 0.0
    return min(1.0, max(0.0, (minutes - warm) / max(1e-9, whole - warm)))


@dataclass
class Due:
    """An event every so many steps, or every so many minutes, or never; minutes win where both are given."""

    steps: int | None
    minutes: float | None = None
    last_minutes: float = 0.0

    def __call__(self, step: int, minutes: float) -> bool:
        """Whether the event falls due now; asked once after every step."""
        if self.minutes is not None:
            due = minutes - self.last_minutes >= self.minutes
            self.last_minutes = minutes if due else self.last_minutes
            return due
        return self.steps is not None and step % self.steps == 0
