"""Edit distances against the textbook's recurrence, cell by cell."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from glmtts.text.edits import edit_distance, prefix_distances

SYMBOLS = st.lists(st.sampled_from("abcd"), max_size=12)


def levenshtein(heard: Sequence[str], wanted: Sequence[str]) -> int:
    table = [[i + j for j in range(len(wanted) + 1)] for i in range(len(heard) + 1)]
    for i, symbol in enumerate(heard):
        for j, target in enumerate(wanted):
            same = table[i][j] + (symbol != target)
            table[i + 1][j + 1] = min(same, table[i][j + 1] + 1, table[i + 1][j] + 1)
    return table[-1][-1]


@given(SYMBOLS, SYMBOLS)
def test_distances_to_every_prefix(heard: list[str], wanted: list[str]) -> None:
    expected = [levenshtein(heard, wanted[:count]) for count in range(len(wanted) + 1)]
    assert prefix_distances(heard, wanted) == expected
    assert edit_distance(heard, wanted) == expected[-1]


def test_symbols_that_are_wanted_nowhere() -> None:
    assert prefix_distances(["x", "y"], []) == [2]
    assert prefix_distances([], ["a", "a"]) == [0, 1, 2]
