"""Mandarin: numbers, dates, times, money, units and signs to words, from the special to the general."""

import re

from glmtts.text.normalisation.mandarin import codes, dates, general, maths, measures, money, times
from glmtts.text.normalisation.rules import Rule, applied, rule
from glmtts.text.normalisation.symbols import symbols_in_words

_GROUPED: list[Rule] = [
    rule(r"(?<![\w.,])\d{1,3}(?:[\u202f\u2009]\d{3})+(?!\d)", lambda m: re.sub(r"\s", "", m[0])),
    rule(r"(?<![\w.,])\d{1,3}(?:['’]\d{3})+(?!\d)", lambda m: re.sub(r"['’]", "", m[0])),
    rule(r"(?<![\d.,])\d{1,3}(?:，\d{3})+(?!\d)", lambda m: m[0].replace("，", "")),
]
RULES: list[Rule] = [
    *_GROUPED, *codes.FIRST, *dates.RULES, *times.RULES, *money.RULES, *codes.RULES, *measures.RULES, *maths.RULES,
    *general.RULES,
]  # fmt: skip
_SILENT = dict.fromkeys('“”‘"「」《》〈〉『』~～^\\<>@#/®™`*·', "")
_MARKS = str.maketrans(_SILENT | dict.fromkeys("—（）()[]{}【】|", "，") | {"…": "。", "’": "'", "_": " "})
_DASHES = re.compile(r"-{2,}|(?<=[一-鿿])\s[-–]\s(?=[一-鿿])|(?<=[一-鿿])[–](?=[一-鿿])")


def in_words(text: str) -> str:
    """`text` with every number and sign spelled out."""
    return symbols_in_words(_DASHES.sub("，", applied(RULES, text)), chinese=True).translate(_MARKS)
