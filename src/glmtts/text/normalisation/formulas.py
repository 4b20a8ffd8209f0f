"""Hyphens that are minus signs of a formula: x-2=0, 3x-2y=6, n-1; those of names and spans (F-16, 2x-3x) are none."""

import re

from glmtts.text.normalisation.rules import Rule

_COMPARED = "[=<>≥≤≈≠]"
# Letters stand alone or in pairs in a formula, but for the names of functions.
_SIDE = r"(?:\d+(?:\.\d+)?|[A-Za-z]{1,2}(?![A-Za-z])|sin|cos|tan|log|ln|[()（）π√]|\s[-−+*/×÷·]\s|[-−+*/×÷·^])"
_BEFORE = re.compile(rf"{_COMPARED}\s?{_SIDE}{{1,12}}$")
_AFTER = re.compile(rf"{_SIDE}{{1,12}}\s?{_COMPARED}")
# Behind digits some letters are units (5-10m, 10-20k) and not the unknowns of a formula.
_UNKNOWN = r"(?:(?<![\dA-Za-z])[A-Za-z]|(?<=\d)[abcnpqruvxyz])(?![A-Za-z])"
_ENDS_UNKNOWN = re.compile(rf"{_UNKNOWN}(?:\^\d)?[)）]*$")
_BEGINS_UNKNOWN = re.compile(rf"(?:\d+(?:\.\d+)?)?{_UNKNOWN}|[(（√π]")
_MODEL = re.compile(r"[A-Z]$")
# |x| beside a sign of comparison or arithmetic; the cells of a table have none.
ABSOLUTE = re.compile(
    r"(?<![A-Za-z0-9|])\|\s?(?P<inside>[-−]?(?:\d+|[a-z])(?:\s?[-−+]\s?(?:\d+|[a-z]))?)\s?\|(?=\s?[=<>≤≥≠+*/-])"
)
_WINDOW = 24  # characters on either side in which the rest of the formula is looked for


def minus(word: str) -> list[Rule]:
    """The rules that put `word` for the minus signs of formulas."""
    return [
        Rule(
            r"(?<=[\dA-Za-z)）π])(?:\s[-−]\s|[-−])(?=[\dA-Za-z(（π√.])",
            lambda match: word if _is_minus(match) else match[0],
        ),
        # Without a sign of comparison these letters alone are unknowns.
        Rule(r"(?<![\w.'’/-])((?:\d+)?([xyz])|n(?=-[12](?!\d)))-(?=\d+(?!\2|[\d.]*[-/]))", lambda m: f"{m[1]}{word}"),
    ]


def _is_minus(match: re.Match[str]) -> bool:
    """Whether a hyphen stands in a formula with a comparison, beside a letter of it."""
    before = match.string[max(0, match.start() - _WINDOW) : match.start()]
    after = match.string[match.end() : match.end() + _WINDOW]
    if not (_ENDS_UNKNOWN.search(before) or _BEGINS_UNKNOWN.match(after)):
        return False
    if _MODEL.search(before) and re.match(r"\d\d", after):
        return False
    return _BEFORE.search(before) is not None or _AFTER.match(after) is not None
