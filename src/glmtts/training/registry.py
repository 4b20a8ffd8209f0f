"""Tasks by name. The engine knows no stage; whoever knows a task registers it, or an installed package names it.

A package outside this one lists its tasks as entry points of the group `glmtts.tasks`.
"""

from importlib import import_module
from importlib.metadata import entry_points

from glmtts.errors import ConfigError
from glmtts.training.config import RunConfig
from glmtts.training.task import Task

GROUP = "glmtts.tasks"
_targets: dict[str, str] = {}


def register(name: str, target: str) -> None:
    """Let runs say `task = "name"`; `target` is "module:Class" and is imported when a run asks for it."""
    _targets[name] = target


def create_task(config: RunConfig) -> Task:
    """The task of a run.

    Raises:
        ConfigError: there is no task of this name, or its sections are not valid.
    """
    known = {point.name: point.value for point in entry_points(group=GROUP)} | _targets
    target = known.get(config.run.task)
    if target is None:
        raise ConfigError(f"There is no task '{config.run.task}'. Known are: {', '.join(sorted(known))}.")
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)(config)
