"""Edit distances of sequences of symbols (Levenshtein; to every prefix at once: Sellers, 1980)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np


def prefix_distances(heard: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Edit distance of `heard` to the first 0, 1, … all symbols of `wanted`.

    A row of Levenshtein's table at once: what comes from the left, min over k ≤ j of c_k + j − k, is a running minimum.
    """
    numbers: dict[str, int] = {}
    wanted_W = np.array([numbers.setdefault(symbol, len(numbers)) for symbol in wanted], dtype=np.int64)
    places = np.arange(len(wanted) + 1)
    row = places.copy()
    for i, symbol in enumerate(heard, 1):
        # −1 is the number of no wanted symbol
        costs = np.minimum(row[1:] + 1, row[:-1] + (wanted_W != numbers.get(symbol, -1)))
        row = np.minimum.accumulate(np.concatenate(([i], costs)) - places) + places
    return [int(distance) for distance in row]


def edit_distance(heard: Sequence[str], wanted: Sequence[str]) -> int:
    """Edit distance of `heard` to `wanted`."""
    return prefix_distances(heard, wanted)[-1]


def edits_but_blanks(heard: Sequence[str], wanted: Sequence[str]) -> int:
    """Edit distance of words in which one word and two with the same letters are no edit."""
    pairs = [one + two for one, two in pairwise(wanted)]
    above, row = list[int](), list(range(len(wanted) + 1))
    for i, word in enumerate(heard):
        joined = heard[i - 1] + word if i else None
        above, before, row = row, above, [i + 1]
        for j, target in enumerate(wanted):
            best = min(above[j] + (word != target), above[j + 1] + 1, row[j] + 1)
            # one heard word is two of the wanted ones: from a row up and two columns back
            if j and word == pairs[j - 1]:
                best = min(best, above[j - 1])
            # two heard words are one of the wanted ones: from two rows up and one column back
            if joined == target:
                best = min(best, before[j])
            row.append(best)
    return row[-1]


def error_rate(wanted: Sequence[str], heard: Sequence[str]) -> float:
    """Edits over the number of wanted symbols; 0 where nothing was wanted and nothing heard."""
    return edit_distance(heard, wanted) / max(1, len(wanted))


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
        # of paths that cost the same, one that pairs two symbols is taken before one that leaves a gap
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


def _costs(wanted: Sequence[str], heard: Sequence[str]) -> list[list[int]]:
    rows = [list(range(len(heard) + 1))]
    for i, symbol in enumerate(wanted, 1):
        row, above = [i], rows[-1]
        for j, other in enumerate(heard, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (symbol != other)))
        rows.append(row)
    return rows
