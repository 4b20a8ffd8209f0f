"""Code that is not ours, systems and scorers of packages: whatever it raises is one sentence."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from traceback import extract_tb

from glmtts.backends import reason_of
from glmtts.errors import EvaluationError, GlmTtsError

OUT_OF_MEMORY = "OutOfMemoryError"  # PyTorch's, which is no MemoryError
KEPT = "What was finished is kept: mend it or leave it out, and start the same command again."


@contextmanager
def foreign(failed: str, cure: str = "Mend it, or leave it out.") -> Iterator[None]:
    """Say what failed, where and what to do; whoever needs the traceback finds it as the cause.

    Raises:
        EvaluationError: something was raised within that is none of this package's errors.
    """
    try:
        yield
    except (GlmTtsError, MemoryError):
        raise
    except Exception as error:
        if type(error).__name__ == OUT_OF_MEMORY:
            raise
        place = extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}, line {place.lineno}"
        reason = f"{type(error).__name__}: {reason_of(error).rstrip('.')}"
        raise EvaluationError(f"{failed}: {reason} ({where}). {cure}") from error


def on_lines(ids: Sequence[str]) -> str:
    """The lines that something failed on, in words."""
    return f"on the line '{ids[0]}'" if len(ids) == 1 else f"on the lines '{ids[0]}' to '{ids[-1]}'"
