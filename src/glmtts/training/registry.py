"""What the engine is told from above: tasks by name, and how bundles are read. It knows no stage and no bundle itself.

A package outside this one lists its tasks as entry points of the group `glmtts.tasks`.
"""

from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from glmtts.backends import foreign
from glmtts.errors import ConfigError

if TYPE_CHECKING:  # the command line registers tasks, and must not wait for torch
    import torch
    from torch import nn

    from glmtts.training.config import RunConfig
    from glmtts.training.listening import Renderer
    from glmtts.training.task import Task

GROUP = "glmtts.tasks"
_targets: dict[str, str] = {}


class Bundles(Protocol):
    """Reads model bundles; "bundle" names the embedded one, anything else is a path."""

    def folder(self, bundle: str) -> Path:
        """Where its files lie."""
        ...

    def network(self, bundle: str, module: str) -> "nn.Module":
        """One of its modules, in evaluation mode. Raises BundleError where it has none."""
        ...

    def renderer(self, bundle: str, device: "torch.device") -> "Renderer":
        """Its flow and vocoder. Raises BundleError where it is no bundle, or has none."""
        ...


_readers: list[Bundles] = []


def register(name: str, target: str) -> None:
    """Let runs say `task = "name"`; `target` is "module:Class" and is imported when a run asks for it."""
    _targets[name] = target


def use_bundles(reader: Bundles) -> None:
    """Let runs start from bundles, which `reader` reads."""
    _readers[:] = [reader]


def bundles() -> Bundles:
    """The reader of bundles.

    Raises:
        ConfigError: nobody gave one.
    """
    if not _readers:
        raise ConfigError("Nothing here can read bundles. Import glmtts.tasks first.")
    return _readers[0]


def create_task(config: "RunConfig") -> "Task":
    """The task of a run.

    Raises:
        ConfigError: there is no task of this name, its sections are not valid, or its code fails.
    """
    # a task of this package wins over another's of the same name
    known = {point.name: point.value for point in entry_points(group=GROUP)} | _targets
    target = known.get(config.run.task)
    if target is None:
        raise ConfigError(f"There is no task '{config.run.task}'. Known are: {', '.join(sorted(known))}.")
    module, _, name = target.partition(":")
    with foreign(
        f"The task '{config.run.task}' cannot be started", "Install what it needs, or correct it.", ConfigError
    ):
        task: Task = getattr(import_module(module), name)(config)
    return task
