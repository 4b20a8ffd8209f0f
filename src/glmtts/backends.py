"""Packages that only some features need: imported on first use, asked for in one sentence where they are missing."""

from importlib import import_module
from typing import Any

from glmtts.errors import GlmTtsError


def backend(module: str, needed_for: str, install: str, error: type[GlmTtsError]) -> Any:
    """Import an optional package.

    Args:
        module: name of the module to import.
        needed_for: what the user asked for, as the subject of a sentence.
        install: the command that installs it.
        error: the exception of the area that asks.

    Raises:
        error: the package is not installed, or one that it needs is not.
    """
    try:
        return import_module(module)
    except ImportError as problem:
        itself = problem.name in (None, module, module.partition(".")[0])
        missing = module if itself else f"{module} (which needs {problem.name})"
        raise error(f"{needed_for} needs the package {missing}. Install it with: {install}") from None


def reason_of(error: BaseException, most: int = 160) -> str:
    """The first line of what a package says, of at most so many characters; its kind where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:most]
