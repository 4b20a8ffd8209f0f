"""What a training run is: a TOML file, parsed strictly, its resolved form kept in the run's folder.

TOML has no null: the text "null" stands for it. The sections [run], [optimizer], [schedule], [log] and [distributed]
are the engine's; [model], [data], [loss] and [init] belong to the task, which parses them with strict classes of its
own (task.py).
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from glmtts import durable
from glmtts.config import StrictConfig, read_toml
from glmtts.errors import ConfigError, TrainingError
from glmtts.places import check_holds_weights
from glmtts.training.overrides import set_value

CONFIG_FILE, LOCK_FILE = "config.json", ".lock"
# What may differ when a run is resumed: how long it trains, what it writes, and the machines that it runs on.
FREE = ("run.out", "run.save_every", "run.save_minutes", "run.keep_last", "schedule", "log", "distributed")


class OtherValuesError(TrainingError):
    """A folder holds a run with other values of `keys`, `section.key` each, than it should go on with."""

    def __init__(self, what: str, run: Path, keys: Sequence[str] = ()) -> None:
        super().__init__(f"{what}. Set them back, or choose another run.out and start there with run.init_from.")
        self.run, self.keys = run, tuple(keys)


class RunSection(StrictConfig):
    """`task` names what is trained, `out` is the run's folder, `init_from` a bundle or another run's folder.

    A checkpoint is written every `save_every` steps, or with `save_minutes` every so many minutes instead; the newest
    `keep_last` stay.
    """

    task: str
    out: Path
    seed: int = Field(default=0, ge=0)
    precision: Literal["no", "bf16"] = "bf16"
    init_from: str | None = None
    save_every: int = Field(default=250, ge=1)
    save_minutes: float | None = Field(default=None, gt=0)
    keep_last: int = Field(default=2, ge=1)

    @field_validator("out", mode="before")
    @classmethod
    def _named(cls, out: Any) -> Any:
        if out == "":  # which as a path is the current folder
            raise ValueError("it is empty; name a folder, or write . for the current one")
        return out


class OptimizerSection(StrictConfig):
    """AdamW; one step takes the mean gradient of `micro_batches`, shared evenly by all processes.

    Rates are those of schedule.py; a `final_learning_rate` above `learning_rate` counts as that. `gradient_clip` is the
    largest norm of a step's gradient, `ema_decay` 0 keeps no average. The critic of an adversarial task has the fixed
    rate `critic_learning_rate`, which other tasks do not read.
    """

    learning_rate: float = Field(default=1e-3, gt=0)
    final_learning_rate: float = Field(default=5e-5, ge=0)
    weight_decay: float = Field(default=0.01, ge=0)
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.9, 0.98)
    gradient_clip: float = Field(default=1.0, gt=0)
    ema_decay: float = Field(default=0.999, ge=0, lt=1)
    micro_batches: int = Field(default=1, ge=1)
    critic_learning_rate: float = Field(default=5e-4, gt=0)


class ScheduleSection(StrictConfig):
    """How long a run trains, in `steps` or in `minutes`; the learning rate follows the same measure.

    It rises over `warmup_steps`, or with `warmup_minutes` over so many minutes instead. `stop_minutes` or `stop_steps`,
    whichever comes first, ends this session early, so long after it began; the next one goes on.
    """

    steps: int | None = Field(default=None, ge=1)
    minutes: float | None = Field(default=None, gt=0)
    warmup_steps: int = Field(default=200, ge=0)
    warmup_minutes: float | None = Field(default=None, ge=0)
    stop_minutes: float | None = Field(default=None, ge=0)
    stop_steps: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        if (self.steps is None) == (self.minutes is None):
            raise ValueError("give either steps or minutes")
        return self


class LogSection(StrictConfig):
    """Metrics every `every` steps; evaluations every `evaluate_every` steps, or with `evaluate_minutes` every so many
    minutes instead; audio samples every `sample_every` steps, None makes none.

    `sample_bundle` lends the samples what the trained stage lacks to be heard; "bundle" is the embedded one.
    """

    every: int = Field(default=20, ge=1)
    evaluate_every: int | None = Field(default=250, ge=1)
    evaluate_minutes: float | None = Field(default=None, gt=0)
    sample_every: int | None = Field(default=None, ge=1)
    sample_bundle: str | None = "bundle"
    plot: bool = True
    tensorboard: bool = True
    wandb_project: str | None = None


class DistributedSection(StrictConfig):
    """How several processes share the work, and what is done to fit or speed up the model on each.

    `device` auto takes the CUDA GPUs where there are any, else the CPU. One process alone shares nothing, whatever the
    `strategy`. `activation_checkpointing` and `compile` are done to a task's repeated blocks (`Task.units`); `workers`
    are the processes that make micro-batches for each.
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    strategy: Literal["none", "ddp", "fsdp"] = "ddp"
    activation_checkpointing: bool = False
    compile: bool = False
    workers: int = Field(default=2, ge=0)


class RunConfig(StrictConfig):
    """A run; see the module."""

    run: RunSection
    model: dict[str, Any] = Field(default_factory=dict)
    data: dict[str, Any] = Field(default_factory=dict)
    loss: dict[str, Any] = Field(default_factory=dict)
    init: dict[str, Any] = Field(default_factory=dict)
    optimizer: OptimizerSection = OptimizerSection()
    schedule: ScheduleSection
    log: LogSection = LogSection()
    distributed: DistributedSection = DistributedSection()

    @model_validator(mode="before")
    @classmethod
    def _of_text(cls, values: Any) -> Any:
        for key, value in _leaves(values):
            if "\0" in f"{key}{value if isinstance(value, str | Path) else ''}":
                shown = key.replace("\0", "\\0")
                raise ValueError(f"{shown} holds the character zero, which no path and no name can have")
        return values

    def digest(self) -> str:
        """SHA-256 of what decides the weights."""
        return hashlib.sha256(json.dumps(self._fixed(), sort_keys=True).encode()).hexdigest()

    def _fixed(self) -> dict[str, Any]:
        flat = _flat(self.model_dump(mode="json"))
        return {key: value for key, value in flat.items() if not _free(key)}

    def differences(self, other: "RunConfig") -> list[str]:
        """Keys whose values a resumed run may not change and that differ, `section.key` each."""
        mine, theirs = self._fixed(), other._fixed()
        return sorted(key for key in mine.keys() | theirs.keys() if mine.get(key) != theirs.get(key))


def load_config(path: Path, overrides: Sequence[str] = ()) -> RunConfig:
    """Read a run from a TOML file; each override is `section.key=value`, the value written as in TOML.

    Raises:
        ConfigError: the file cannot be read, an override has no `=`, or a key is unknown, missing or wrong.
    """
    values = read_toml(Path(path))
    for override in overrides:
        set_value(values, override)
    return RunConfig.parse(_without_nulls(values))


def _without_nulls(values: Any) -> Any:
    """TOML has no null: the text "null" stands for it."""
    if isinstance(values, dict):
        return {key: _without_nulls(value) for key, value in values.items()}
    return None if values == "null" else values


def check_config(config: RunConfig) -> str:
    """Refuse to go on with a run under another configuration; gives the hash that the run began with.

    Raises:
        OtherValuesError: the folder holds a run with another configuration; the sentence names the keys that differ.
    """
    run = config.run.out
    if not (run / CONFIG_FILE).exists():
        return config.digest()
    saved, digest = _saved(run)
    changed = saved.differences(config)
    if changed:
        raise OtherValuesError(f"{run} holds a run with other values of {', '.join(changed)}", run, changed)
    # not that of `config`: a later version may know keys that the run's own did not
    return digest


@contextmanager
def alone_in(run: Path) -> Iterator[None]:
    """Hold a run's folder, so that the same command, started twice, does not write two runs into one.

    Raises:
        TrainingError: another process trains there, or the folder cannot hold a checkpoint.
    """
    check_holds_weights(run, TrainingError)
    taken = TrainingError(f"Another process trains in {run}. Wait for it, or choose another run.out.")
    with ExitStack() as held:
        with writable(run):
            run.mkdir(parents=True, exist_ok=True)
            # within `writable`, as the lock is a file too
            held.enter_context(durable.alone(run / LOCK_FILE, taken))
        yield


def write_config(config: RunConfig, digest: str | None = None) -> None:
    """Write the resolved configuration into the run's folder, with its hash, or that which the run began with.

    Raises:
        TrainingError: the folder cannot be written.
    """
    written = {"hash": digest or config.digest(), "config": config.model_dump(mode="json")}
    with writable(config.run.out):
        config.run.out.mkdir(parents=True, exist_ok=True)
        durable.whole_text(config.run.out / CONFIG_FILE, json.dumps(written, ensure_ascii=False, indent=1))


def writable(run: Path) -> AbstractContextManager[None]:
    """Say in one sentence that a run's folder, or its disk, takes nothing: a TrainingError of what fails within."""
    return durable.writable(run, TrainingError, "Free some space or choose another run.out.")


def saved_config(run: Path) -> RunConfig:
    """The configuration that a run's folder holds.

    Raises:
        TrainingError: the folder holds none, or it cannot be read.
    """
    return _saved(Path(run))[0]


def _saved(run: Path) -> tuple[RunConfig, str]:
    """What `write_config` wrote: the configuration and the hash."""
    try:
        written = json.loads((run / CONFIG_FILE).read_text(encoding="utf-8"))
        config = RunConfig.parse(written["config"])
        return config, written.get("hash") or config.digest()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ConfigError) as error:
        raise TrainingError(f"{run} is no training run: {CONFIG_FILE} cannot be read ({error}).") from None


def _leaves(values: Any) -> Iterator[tuple[str, Any]]:
    """Keys and the values that hold no others, however deep they lie."""
    level = [("", values)]
    while level:
        key, value = level.pop()
        if isinstance(value, dict) and value:
            level += [(f"{key}.{name}" if key else str(name), one) for name, one in value.items()]
        elif isinstance(value, list | tuple) and value:
            level += [(key, one) for one in value]
        else:
            yield key, value


def _flat(values: Any, prefix: str = "") -> dict[str, Any]:
    """Nested sections as `section.key`; lists stay values."""
    # an empty section stays a key, so that one that was filled since shows up among the differences
    if not isinstance(values, dict) or (prefix and not values):
        return {prefix: values}
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}.{key}" if prefix else key)
    return flat


def _free(key: str) -> bool:
    return any(key == free or key.startswith(f"{free}.") for free in FREE)
