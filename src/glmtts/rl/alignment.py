"""The edit alignment of what was wanted and what was heard: which symbols were said, changed, left out or added."""

from collections.abc import Sequence
from typing import NamedTuple


class Pair(NamedTuple):
    """Places of a wanted and of a heard symbol; None where the one was left out or the other added."""

    wanted: int | None
    heard: int | None


def aligned(wanted: Sequence[str], heard: Sequence[str]) -> list[Pair]:
    """The cheapest alignment by edits of cost 1 (Levenshtein), in order."""
    costs = _costs(wanted, heard)
    i, j = len(wanted), len(heard)
    pairs: list[Pair] = []
    while i or j:
        if i and j and costs[i][j] == costs[i - 1][j - 1] + (wanted[i - 1] != heard[j - 1]):
            i, j = i - 1, j - 1
            pairs.append(Pair(i, j))
        elif i and costs[i][j] == costs[i - 1][j] + 1:
            i -= 1
            pairs.append(Pair(i, None))
        else:
            j -= 1
            pairs.append(Pair(None, j))
    return pairs[::-1]


def error_rate(wanted: Sequence[str], heard: Sequence[str]) -> float:
    """Edits over the number of wanted symbols; 0 where nothing was wanted and nothing heard."""
    return _costs(wanted, heard)[-1][-1] / max(1, len(wanted))


def _costs(wanted: Sequence[str], heard: Sequence[str]) -> list[list[int]]:
    rows = [list(range(len(heard) + 1))]
    for i, symbol in enumerate(wanted, 1):
        row, above = [i], rows[-1]
        for j, other in enumerate(heard, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (symbol != other)))
        rows.append(row)
    return rows
