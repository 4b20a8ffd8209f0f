"""Pinyin for whole sentences: pypinyin's phrases, polyphones in context, corrections of both."""

import re
from functools import lru_cache

from pypinyin import Style, lazy_pinyin

from glmtts.text.data import read_lines

CHINESE = re.compile(r"[㐀-䶿一-鿿〇\U00020000-\U0002ebef]")
_RUN = re.compile(rf"{CHINESE.pattern}+")


@lru_cache(maxsize=1)
def corrections() -> dict[str, list[str]]:
    """Words whose reading is known to come out wrong, with the right one; the longest match wins."""
    words = {}
    for line in read_lines("corrections.tsv"):
        word, _, reading = line.partition("\t")
        words[word] = reading.split()
    return words


def _one_each(characters: str) -> str:
    """pypinyin asks this for characters without a reading; a blank for each keeps the list aligned."""
    return " " * len(characters)


def dictionary_readings(text: str) -> list[str | None]:
    """pypinyin's phrases alone: one entry a character, None where it is not Chinese."""
    readings: list[str | None] = [None] * len(text)
    for run in _RUN.finditer(text):
        spoken = lazy_pinyin(run[0], style=Style.TONE3, neutral_tone_with_five=True, errors=_one_each)
        if len(spoken) == len(run[0]):
            readings[run.start() : run.end()] = spoken
    return readings


def read_pinyin(text: str, in_context: bool = True) -> list[str | None]:
    """One entry a character: its pinyin with tone digit (5 neutral, v for ü), None where it is not Chinese.

    `in_context` weighs the sentence around a polyphone; without it the dictionary's phrases alone decide.
    """
    readings = dictionary_readings(text)
    if in_context and any(readings):
        from glmtts.text.polyphones import polyphone_model

        polyphone_model().resolve(text, readings)
    _correct(text, readings)
    return readings


def _correct(text: str, readings: list[str | None]) -> None:
    words = corrections()
    longest = max(map(len, words))
    position = 0
    while position < len(text):
        for length in range(min(longest, len(text) - position), 0, -1):
            reading = words.get(text[position : position + length])
            if reading:
                readings[position : position + length] = reading
                position += length - 1
                break
        position += 1
