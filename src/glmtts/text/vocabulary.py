"""The lists that `recipes/text/vocabularies.py` made: polyphones with their readings, rare and safe characters."""

from functools import lru_cache

from glmtts.text.data import read_lines


@lru_cache(maxsize=1)
def polyphones() -> dict[str, list[str]]:
    """Characters whose reading depends on context, with their readings in pinyin."""
    lines = (line.split("\t") for line in read_lines("polyphones.tsv"))
    return {character: readings.split() for character, readings in lines}


@lru_cache(maxsize=1)
def rare_characters() -> frozenset[str]:
    """Characters of one reading that a model hardly ever saw."""
    return frozenset("".join(read_lines("rare.txt")))


@lru_cache(maxsize=1)
def safe_characters() -> frozenset[str]:
    """Frequent characters of one reading."""
    return frozenset("".join(read_lines("safe.txt")))
