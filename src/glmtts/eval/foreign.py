"""Systems and scorers of packages: whatever they raise is one sentence, and what they give is plain values."""

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from glmtts import backends
from glmtts.errors import EvaluationError
from glmtts.eval.statistics import finite

KEPT = "What was finished is kept: mend it or leave it out, and start the same command again."


def foreign(failed: str, cure: str = "Mend it, or leave it out.") -> AbstractContextManager[None]:
    """Say what failed, where and what to do (`glmtts.backends.foreign`), as an EvaluationError."""
    return backends.foreign(failed, cure, EvaluationError)


def on_lines(ids: Sequence[str]) -> str:
    """The lines that something failed on, in words."""
    return f"on the line '{ids[0]}'" if len(ids) == 1 else f"on the lines '{ids[0]}' to '{ids[-1]}'"


def numbers_of(values: Mapping[str, Any]) -> dict[str, float | None]:
    """Values as plain numbers; NaN and infinity are none: JSON has neither, nor has a mean.

    Raises:
        TypeError, ValueError, OverflowError: a value is no number.
    """
    numbers = {key: None if value is None else float(value) for key, value in values.items()}
    return {key: value if finite(value) else None for key, value in numbers.items()}


def check_json(values: Mapping[str, Any]) -> None:
    """Raises TypeError or ValueError where a file of JSON cannot hold what a package says, as numbers of NumPy."""
    json.dumps(values, ensure_ascii=False, allow_nan=False, sort_keys=True).encode()
