"""English: numbers, dates, times, money, units and signs to words, from the special to the general."""

import re

from glmtts.text.normalisation.english import (
    abbreviations,
    codes,
    dates,
    endings,
    general,
    letters,
    maths,
    measures,
    money,
    names,
    states,
    times,
    typed,
)  # fmt: skip
from glmtts.text.normalisation.formulas import minus
from glmtts.text.normalisation.rules import Rule, applied
from glmtts.text.normalisation.symbols import symbols_in_words

# Digits grouped by narrow blanks or apostrophes are one number: 1 000 000 with U+202F, 1'000'000.
_GROUPED: list[Rule] = [
    Rule(r"(?<![\w.,])\d{1,3}(?:[\u202f\u2009]\d{3})+(?!\d)", lambda m: re.sub(r"\s", "", m[0])),
    Rule(r"(?<![\w.,])\d{1,3}(?:['’]\d{3})+(?!\d)", lambda m: re.sub(r"['’]", ",", m[0])),
    Rule(r"(?<![\w.,])[1-9]\d{0,2}(?: 000)+(?!\d)", lambda m: m[0].replace(" ", "")),
]
RULES: list[Rule] = [
    *_GROUPED, *typed.RULES, *states.RULES, *abbreviations.RULES, *letters.RULES, *names.RULES, *dates.RULES,
    *times.RULES, *minus(" minus "), *maths.FIRST, *endings.RULES, *codes.RULES, *money.RULES, *measures.RULES,
    *maths.RULES, *general.RULES,
]  # fmt: skip
_SILENT = dict.fromkeys('“”"″<>^#《》「」`*®™', "")
_PAUSES = dict.fromkeys("—()[]{}|（）【】，、·", ", ")
_ASCII = {"–": "-", "…": ".", "’": "'", "‘": "'", "\\": " ", "_": " ", "/": " ", "。": ". ", "：": ": ", "；": "; ",
          "？": "? ", "！": "! "}  # fmt: skip
_MARKS = str.maketrans(_SILENT | _PAUSES | _ASCII)
_ELLIPSIS = re.compile(r"(?<=[A-Za-z])(?:…+|\.{3,6})(?=[A-Za-z])")  # a blank after it, as after any stop
# Single quotes in pairs go as double ones do; an apostrophe (dogs', 'em) has no partner and is as silent either way.
_QUOTED = re.compile(r"(?<!\w)'(?=\w)(?!n')((?:[^']|(?<=\w)'(?=\w)){1,200}?)'(?!\w)")
_DASHES = re.compile(r"\s?-{2,}\s?|\s[-–]\s")
_QUOTES = re.compile(r"(?<=[A-Za-z])[’](?=[A-Za-z])|’")


def in_words(text: str) -> str:
    """`text` with every number, sign and common abbreviation spelled out, marks in ASCII."""
    text = _ELLIPSIS.sub("... ", text)
    text = _QUOTED.sub(r"\1", _QUOTES.sub("'", text.replace("‘", "'")))
    text = applied(RULES, text.replace("～", "~"))
    text = symbols_in_words(_DASHES.sub(", ", text), chinese=False)
    return re.sub(r"\s+([,.!?;:])", r"\1", text.translate(_MARKS))
