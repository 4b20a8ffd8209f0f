"""Code that is not ours: packages imported on first use, asked for in one sentence where they are missing, and what
they and plug-ins raise as one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from traceback import extract_tb
from typing import Any

from glmtts.errors import GlmTtsError

LONGEST = 240  # characters of what a plug-in says; PyTorch prints whole lists of names
OUT_OF_MEMORY = "OutOfMemoryError"  # PyTorch's, which is no MemoryError


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
    try:
        said = str(error).strip()
    except Exception:  # its own code too
        said = ""
    return (said or type(error).__name__).splitlines()[0][:most]


def failure_of(error: BaseException) -> str:
    """What was raised, in words: its kind, the first line of what it says, and the place in the code that raised it.

    Modules that cannot be imported name themselves, and the place would be Python's own.
    """
    what = f"{type(error).__name__}: {reason_of(error, LONGEST).rstrip('.')}"
    frames = extract_tb(error.__traceback__)
    if isinstance(error, GlmTtsError | ImportError | SyntaxError) or not frames:
        return what
    return f"{what} ({Path(frames[-1].filename).name}, line {frames[-1].lineno})"


@contextmanager
def foreign(failed: str, cure: str, kind: type[GlmTtsError]) -> Iterator[None]:
    """Say of other people's code what failed, where and what to do; who needs the traceback finds it as the cause.

    Errors of this package and a want of memory, which say themselves what to do, stay as they are.

    Raises:
        GlmTtsError: of `kind`; something else was raised within.
    """
    try:
        yield
    except (GlmTtsError, MemoryError):
        raise
    except (Exception, SystemExit) as error:  # the second of code that would end the program
        if type(error).__name__ == OUT_OF_MEMORY:
            raise
        raise kind(f"{failed}: {failure_of(error)}. {cure}") from error
