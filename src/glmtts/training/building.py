"""Models of runs from their configurations: sizes that make no sense are one sentence, found before data are read."""

from pathlib import Path
from typing import TYPE_CHECKING

from glmtts.backends import reason_of
from glmtts.errors import ConfigError, TrainingError
from glmtts.training.config import LogSection
from glmtts.training.registry import bundles
from glmtts.training.weights import is_run

if TYPE_CHECKING:
    from torch import nn

    from glmtts.training.task import Task


def built(task: "Task") -> "nn.Module":
    """The model of a run.

    Raises:
        ConfigError: its sizes do not fit each other.
    """
    try:
        return task.build()
    except (ArithmeticError, AssertionError, IndexError, RuntimeError, TypeError, ValueError) as error:
        # the first is a RuntimeError too, and a fault of the task; neither says that sizes do not fit each other
        if isinstance(error, NotImplementedError) or "out of memory" in str(error):
            raise
        reason = reason_of(error)
        raise ConfigError(f"The sizes in [model] do not fit each other: {reason}. Correct them.") from None


def check_run(task: "Task") -> None:
    """Refuse a run that cannot begin, before any data are read.

    Raises:
        ConfigError: a section says so, such as data without a source.
        TrainingError: `run.init_from` names neither a bundle nor a run.
    """
    task.check()
    where = task.config.run.init_from
    if where is not None and not is_run(where) and not _is_bundle(where):
        raise TrainingError(
            f"run.init_from is {where}, where there is neither a bundle nor a run. Give its folder, or `bundle`."
        )


def check_samples(log: LogSection) -> None:
    """Refuse audio samples through a bundle that is not there, at once and not when the first one falls due.

    Raises:
        TrainingError: says so.
    """
    sure = (None, LogSection().sample_bundle)  # nothing, and the embedded one
    if log.sample_every is not None and log.sample_bundle not in sure and not _is_bundle(str(log.sample_bundle)):
        raise TrainingError(
            f"log.sample_bundle is {log.sample_bundle}, where there is no bundle. "
            "Give its folder, `bundle` for the embedded one, or `null` for no audio."
        )


def _is_bundle(where: str) -> bool:
    folder = bundles().folder(where)
    # any description: what it is called, the reader of bundles alone knows
    return folder.is_dir() and any(Path(folder).glob("*.json"))
