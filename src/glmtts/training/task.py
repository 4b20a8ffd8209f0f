"""What a stage brings to training: its model, its micro-batches and its loss."""

from functools import cached_property
from typing import Any, ClassVar, Protocol, TypeVar

import torch
from torch import Tensor, nn

from glmtts.config import StrictConfig
from glmtts.training.config import RunConfig
from glmtts.training.listening import Listening, Sound

Metrics = dict[str, Tensor]
SECTIONS = ("model", "data", "loss", "init")
Section = TypeVar("Section", bound=StrictConfig)


class NoSection(StrictConfig):
    """The section of a task that has none: it must stay empty."""


class Source(Protocol):
    """Micro-batches by number, as a pure function: the same number gives the same batch in every process and run.

    It can be pickled, since a loader's processes may be spawned.
    """

    def batch(self, number: int) -> Any:
        """Micro-batch `number`, counted from 0 over the whole run: tensors on the CPU, in a dataclass, dict or list."""
        ...

    def place(self, number: int) -> dict[str, Any]:
        """Plain values that find micro-batch `number` again without counting from the beginning; a checkpoint's."""
        return {}

    def seek(self, place: dict[str, Any]) -> None:
        """Go to a saved place.

        Raises:
            TrainingError: the place is of other data.
        """


class Task(Protocol):
    """One stage's part of a run. A task subclasses this, and is registered by name (registry.py).

    `sections` names the strict classes of those of [model], [data], [loss] and [init] that the task has.
    """

    sections: ClassVar[dict[str, type[StrictConfig]]]
    config: RunConfig
    _parsed: dict[str, StrictConfig]
    critic_from: int | None = None  # the step from which a second network joins; None: there is none

    def __init__(self, config: RunConfig) -> None:
        """Parse the task's sections; `self.config` holds them with their defaults.

        Raises:
            ConfigError: a key is unknown, missing or wrong.
        """
        parsed = {name: self.sections.get(name, NoSection).parse(getattr(config, name)) for name in SECTIONS}
        # with its defaults written out: config.json says what a run was trained with
        self.config = config.model_copy(update={name: part.model_dump(mode="json") for name, part in parsed.items()})
        self._parsed = parsed

    def section(self, kind: type[Section]) -> Section:
        """The parsed section of a class."""
        return next(part for part in self._parsed.values() if isinstance(part, kind))

    def check(self) -> None:
        """Refuse what cannot be trained, as far as that is seen without reading data: its sections' `check`."""
        for part in self._parsed.values():
            if hasattr(part, "check"):
                part.check()

    def build(self) -> nn.Module:
        """The model with random weights; needs no data, and reads no values back (a dry run builds it of fakes)."""
        ...

    def start(self, model: nn.Module) -> None:
        """Give a new run's model the weights that [init] and `run.init_from` ask for; called once, on the CPU."""

    def source(self) -> Source:
        """The training micro-batches. Called when training begins; opens the data."""
        ...

    def loss(self, model: nn.Module, batch: Any, step: int, critic: nn.Module | None = None) -> tuple[Tensor, Metrics]:
        """The loss of one micro-batch, a scalar, and what to log of it, as detached scalars on the device.

        `critic` is the second network, from step `critic_from` on. Random draws use torch's default generators: the
        engine seeds them by the micro-batch's number. Nothing may be read back from the device.
        """
        ...

    def after_step(self, model: nn.Module, step: int) -> None:
        """What follows the optimizer's step on every process, such as a codebook's moving average."""

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Figures on held-out data, the same on every process; empty where there are none."""
        return {}

    def enough(self) -> bool:
        """Whether to end before the schedule does, as where held-out data stopped improving; alike on all processes."""
        return False

    @cached_property
    def listening(self) -> Listening:
        """What renders the samples of this run."""
        return Listening(self.config.log.sample_bundle)

    def samples(self, model: nn.Module, device: torch.device) -> dict[str, Sound]:
        """Audio for the log, by name."""
        return {}

    def units(self, model: nn.Module) -> list[nn.Module]:
        """The repeated blocks: what FSDP shards, checkpointing recomputes and `torch.compile` compiles one by one."""
        return []

    def build_critic(self) -> nn.Module:
        """The second network of an adversarial task."""
        raise NotImplementedError

    def start_critic(self, critic: nn.Module) -> None:
        """Give it the weights that the configuration asks for; called once, for a new run."""

    def fake(self, model: nn.Module, batch: Any) -> Any:
        """What the critic judges, made without gradients."""
        raise NotImplementedError

    def critic_loss(self, critic: nn.Module, batch: Any, fake: Any) -> tuple[Tensor, Metrics]:
        """The critic's own loss of one micro-batch."""
        raise NotImplementedError

    def example_batch(self) -> Any:
        """A made-up micro-batch of the configured size, for `--dry-run`."""
        ...

    def batch_size(self) -> dict[str, float]:
        """What one micro-batch holds, by unit ("tokens", "seconds of speech"), for `--dry-run`."""
        return {}
