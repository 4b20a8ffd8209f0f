"""What a reward gave, as plain numbers that can be compared; anything else is refused in one sentence."""

from collections.abc import Iterable, Mapping, Set
from typing import Any

from glmtts.backends import foreign
from glmtts.errors import RlError

CURE = "Correct its code; the same command goes on."
# a choice: a deviation takes squares, which float64 must hold, and logs have float32
LARGEST_SCORE = 1e30
SHOWN = 80  # characters of what was given instead


def scores_of(name: str, given: Any, count: int) -> list[float | None]:
    """What the reward `name` gave for `count` answers; NaN and infinity count as None further on.

    Raises:
        RlError: it is no list of a number or None for each, a number is too large, or the reward's code fails in it.
    """
    with foreign(f"The reward '{name}' failed", CURE, RlError):  # a generator runs here, and so does `__float__`
        found = _numbers(given)
    if found is None or len(found) != count:
        wanted = f"a number or None for each of {count} answers"
        raise RlError(f"The reward '{name}' must give {wanted}, not {_shown(given)}.")
    # `inf` is no score, as a reward that divides by zero gives it
    large = [one for one in found if one is not None and LARGEST_SCORE < abs(one) < float("inf")]
    if large:
        raise RlError(
            f"The reward '{name}' gave {large[0]:g}, and scores beyond {LARGEST_SCORE:g} cannot be compared. "
            "Scale it down; the same command goes on."
        )
    return found


def _numbers(given: Any) -> list[float | None] | None:
    """The numbers of a list, array or generator; None where it is none of numbers."""
    # texts and mappings can be iterated too: of signs and of keys, which are no scores; a set has no order
    if isinstance(given, str | bytes | bytearray | Mapping | Set) or not isinstance(given, Iterable):
        return None
    items = list(given)
    if any(isinstance(one, str | bytes | bytearray) for one in items):  # which `float` would read
        return None
    try:
        return [None if one is None else float(one) for one in items]
    except (TypeError, ValueError, OverflowError):  # the last of integers
        return None


def _shown(given: Any) -> str:
    try:
        return " ".join(repr(given).split())[:SHOWN]
    except Exception:  # its own code, or an integer of more digits than Python writes
        return f"a {type(given).__name__}"
