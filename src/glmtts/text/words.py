"""Mandarin words: the most probable segmentation of a run of characters by a unigram model.

A reading that a dictionary gives for a word is right only where that word stands: 为人 is none in 为|人民, nor 会计 in
会|计算. So the borders are found first, by the product of the words' frequencies (Viterbi over a word lattice).
"""

import lzma
import math
import re
from functools import lru_cache
from typing import NamedTuple

from glmtts.text.data import data_file, read_lines

CHINESE = re.compile(r"[㐀-䶿一-鿿〇\U00020000-\U0002ebef]")
RUN = re.compile(rf"{CHINESE.pattern}+")
WORDS, LOG_STEP, LONGEST = "words.xz", 0.5, 4
# Counts of words that the frequency list lacks. A phrase of the dictionary is rare, else it would be listed; a
# correction was written because it was met.
PHRASE_COUNT, CORRECTION_COUNT, TOTAL = 3, 1000, 60_000_000


class Word(NamedTuple):
    """A word at text[start:end], and the first letter of its part of speech (n, v, a, d, r, m, q, …).

    N is the name of a person, x is unknown.
    """

    start: int
    end: int
    kind: str


@lru_cache(maxsize=1)
def lexicon() -> dict[str, tuple[float, str]]:
    """Log-probability and part of speech of every word, corrections and phrases of pypinyin among them."""
    from pypinyin.constants import PHRASES_DICT

    base = math.log(TOTAL)
    rare, met = math.log(PHRASE_COUNT) - base, math.log(CORRECTION_COUNT) - base
    words = dict.fromkeys(PHRASES_DICT, (rare, "x"))
    for line in lzma.decompress(data_file(WORDS).read_bytes()).decode().splitlines():
        # a line is a word, one sign for the logarithm of its count in steps of `LOG_STEP`, and its part of speech
        words[line[:-2]] = ((ord(line[-2]) - ord("0")) * LOG_STEP - base, line[-1])
    for word, reading in corrections().items():
        known, kind = words.pop(word, (met, "x"))
        if reading:
            words[word] = (max(known, met), kind)
    return words


@lru_cache(maxsize=1)
def corrections() -> dict[str, list[str]]:
    """Words whose reading is known to come out wrong, with the right one.

    One without a reading is none: 还给 is huan2 gei3 or hai2 gei3, so that the context of its characters decides.
    """
    lines = (line.partition("\t") for line in read_lines("corrections.tsv"))
    return {word: reading.split() for word, _, reading in lines}


@lru_cache(maxsize=1)
def _longest() -> int:
    return max(map(len, corrections()))


def segment(run: str) -> list[Word]:
    """Words of a run of Chinese characters in simplified script, in order and without gaps."""
    words, unknown = lexicon(), -math.log(TOTAL)
    reach = max(LONGEST, _longest())
    best: list[tuple[float, int, str]] = [(0.0, 0, "")]
    for end in range(1, len(run) + 1):
        # a character by itself is always a word, so that no run is without a path
        options = [(best[end - 1][0] + words.get(run[end - 1], (unknown, "x"))[0], end - 1)]
        for start in range(max(0, end - reach), end - 1):
            if (known := words.get(run[start:end])) is not None:
                options.append((best[start][0] + known[0], start))
        score, start = max(options)
        best.append((score, start, words.get(run[start:end], (0.0, "x"))[1]))
    found: list[Word] = []
    end = len(run)
    while end:
        _, start, kind = best[end]
        found.append(Word(start, end, kind))
        end = start
    return found[::-1]


class Sentence:
    """A text in simplified characters and its words; what is not Chinese lies between them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = [
            Word(run.start() + word.start, run.start() + word.end, word.kind)
            for run in RUN.finditer(text)
            for word in segment(run[0])
        ]
        self._at = {place: word for word in self.words for place in range(word.start, word.end)}

    def written(self, word: Word | None) -> str:
        """Characters of a word, none where there is no word."""
        return self.text[word.start : word.end] if word else ""

    def around(self, position: int) -> tuple[Word | None, Word | None, Word | None]:
        """The word that holds `position` between those that touch it, each None where there is none."""
        word = self._at.get(position)
        if word is None:
            return None, None, None
        return self._at.get(word.start - 1), word, self._at.get(word.end)
