"""Systems and scorers of packages: whatever they raise is one sentence."""

from collections.abc import Sequence
from contextlib import AbstractContextManager

from glmtts import backends
from glmtts.errors import EvaluationError

KEPT = "What was finished is kept: mend it or leave it out, and start the same command again."


def foreign(failed: str, cure: str = "Mend it, or leave it out.") -> AbstractContextManager[None]:
    """Say what failed, where and what to do (`glmtts.backends.foreign`), as an EvaluationError."""
    return backends.foreign(failed, cure, EvaluationError)


def on_lines(ids: Sequence[str]) -> str:
    """The lines that something failed on, in words."""
    return f"on the line '{ids[0]}'" if len(ids) == 1 else f"on the lines '{ids[0]}' to '{ids[-1]}'"
