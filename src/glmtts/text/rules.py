"""What the rules of normalisation share in both languages."""

import re
from collections.abc import Callable

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]

NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
MAIL = r"(?<![A-Za-z0-9_.+-])[A-Za-z0-9][A-Za-z0-9_.+-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50}


def rule(pattern: str, spoken: Callable[[re.Match[str]], str]) -> Rule:
    """A pattern and what its match is in words."""
    return re.compile(pattern), spoken


def applied(rules: list[Rule], text: str) -> str:
    """`text` after every rule, in their order."""
    for pattern, spoken in rules:
        text = pattern.sub(spoken, text)
    return text


def roman(written: str) -> str:
    """The digits of a Roman number of I, V, X and L."""
    total = 0
    for sign, after in zip(written, [*written[1:], ""], strict=True):
        value = _ROMAN[sign]
        total += -value if after and _ROMAN[after] > value else value
    return str(total)
