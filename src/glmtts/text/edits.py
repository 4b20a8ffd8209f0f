"""Edit distances of sequences of symbols (Levenshtein; to every prefix at once: Sellers, 1980)."""

from collections.abc import Sequence


def prefix_distances(heard: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Edit distance of `heard` to the first 0, 1, … all symbols of `wanted`."""
    row = list(range(len(wanted) + 1))
    for i, symbol in enumerate(heard, 1):
        diagonal, row[0] = row[0], i
        for j, target in enumerate(wanted, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (symbol != target))
    return row


def edit_distance(heard: Sequence[str], wanted: Sequence[str]) -> int:
    """Edit distance of `heard` to `wanted`."""
    return prefix_distances(heard, wanted)[-1]
