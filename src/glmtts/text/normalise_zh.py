"""Mandarin: numbers, dates, times, money, units and signs to words, from the special to the general."""

import re

from glmtts.text.normalisation.formulas import minus
from glmtts.text.normalisation.mandarin import (
    codes,
    dates,
    eras,
    general,
    houses,
    labels,
    latin,
    matches,
    maths,
    measures,
    money,
    records,
    scores,
    series,
    slang,
    strokes,
    ticks,
    times,
)
from glmtts.text.normalisation.rules import Rule, applied, applied_beside
from glmtts.text.normalisation.symbols import symbols_in_words
from glmtts.text.normalisation.tildes import BEFORE_NUMBERS
from glmtts.text.script import simplified

_GROUPED: list[Rule] = [
    Rule(r"(?<![\w.,])\d{1,3}(?:[\u202f\u2009]\d{3})+(?!\d)", lambda m: re.sub(r"\s", "", m[0])),
    Rule(r"(?<![\w.,])\d{1,3}(?:['’]\d{3})+(?!\d)", lambda m: re.sub(r"['’]", "", m[0])),
    # A full-width comma parts numbers (100，200), but no number is 000.
    Rule(r"(?<![\d.,，])[1-9]\d{0,2}(?:，000)+(?!\d)", lambda m: m[0].replace("，", "")),
]
RULES: list[Rule] = [
    *_GROUPED, BEFORE_NUMBERS, *minus("减"), *latin.FIRST, *ticks.RULES, *records.FIRST, *slang.RULES, *houses.FIRST,
    *codes.FIRST, *strokes.FIRST, *eras.FIRST, *dates.RULES, *labels.RULES, *matches.RULES, *scores.RULES,
    *times.RULES, *money.RULES, *series.RULES, *codes.RULES, *measures.RULES, *maths.RULES, *latin.RULES,
    *general.RULES,
]  # fmt: skip
_SILENT = dict.fromkeys('“”‘"″「」《》〈〉『』~～^\\<>@#/®™`*·', "")
_MARKS = str.maketrans(_SILENT | dict.fromkeys("—（）()[]{}【】〔〕〖〗|", "，") | {"…": "。", "’": "'", "_": " "})
# A quote in single marks; the apostrophe of don't stays.
_QUOTES = re.compile(r"(?<![A-Za-zÀ-ɏ])['’]|['’](?![A-Za-zÀ-ɏ])")
_STROKES = re.compile(r"(?<=[A-Za-z0-9])[/\\]+(?=[A-Za-z])|(?<=[A-Za-z]:)[/\\]+")  # of TCP/IP, which are two words
_DASHES = re.compile(r"-{2,}|(?<=[一-鿿])\s[-–]\s(?=[一-鿿])|(?<=[一-鿿])[–](?=[一-鿿])")


def in_words(text: str) -> str:
    """`text` with every number and sign spelled out."""
    words = _QUOTES.sub("", _STROKES.sub(" ", _DASHES.sub("，", _applied(text))))
    return symbols_in_words(words, chinese=True).translate(_MARKS)


def _applied(text: str) -> str:
    """`text` after every rule. The rules are written in simplified characters; traditional ones stay as they are."""
    if text.isascii():
        return applied(RULES, text)
    plain = simplified(text)
    return applied(RULES, text) if plain == text else applied_beside(RULES, plain, text)
