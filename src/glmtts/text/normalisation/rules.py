"""What the rules of normalisation share in both languages."""

import re
from collections.abc import Callable
from functools import cached_property

# Digits with groups of three (1,234), of India (1,00,000), or none; with decimals.
NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d{1,2}(?:,\d{2})+,\d{3}(?!\d)|\d+)(?:\.\d+)?"
# The same, or decimals alone (.5).
AMOUNT = rf"(?:{NUMBER}|\.\d+)"
# A colour of web pages: six hexadecimal digits with a letter among them, or one that repeats; of three digits only
# where they are alike or the word says so, since #10a may be a flat and #fad a topic.
COLOUR = (
    r"(?<![A-Za-z\d&])#(?:(?=[0-9A-Fa-f]{0,5}\d)(?=\d{0,5}[A-Fa-f])[0-9A-Fa-f]{6}|([0-9A-Fa-f])\1{5}|([0fF])\2\2)(?![A-Za-z\d#])|"
    r"(?:(?<=color )|(?<=colour )|(?<=颜色)|(?<=色值)|(?<=色号))#[0-9A-Fa-f]{3}(?:[0-9A-Fa-f]{3})?(?![A-Za-z\d])"
)
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


class Rule:
    """A pattern and what its match is in words.

    The pattern is compiled when a text first meets it: to compile the rules of both languages takes 0.17 s, and a line
    needs those of one. `needs` is a sign that any match holds: to look for it first takes a tenth of the time.
    """

    def __init__(
        self,
        pattern: str | re.Pattern[str],
        spoken: Callable[[re.Match[str]], str],
        flags: int = 0,
        needs: str = "",
    ) -> None:
        self._written, self.spoken, self._flags, self.needs = pattern, spoken, flags, needs

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What it looks for."""
        return re.compile(self._written, self._flags)


def applied(rules: list[Rule], text: str) -> str:
    """`text` after every rule, in their order."""
    for rule in rules:
        if rule.needs in text:
            text = rule.pattern.sub(rule.spoken, text)
    return text


def applied_beside(rules: list[Rule], text: str, shown: str) -> str:
    """`shown`, a text of the same length as `text`, with what the rules change in `text`; the rest of it stays."""
    for rule in rules:
        if rule.needs not in text:
            continue
        read, kept, end = [], [], 0
        for match in rule.pattern.finditer(text):
            said = rule.spoken(match)
            first, last = _same_ends(match[0], said)
            read += [text[end : match.start()], said]
            kept += [shown[end : match.start() + first], said[first : len(said) - last]]
            kept.append(shown[match.end() - last : match.end()])
            end = match.end()
        if read:
            text, shown = "".join([*read, text[end:]]), "".join([*kept, shown[end:]])
    return shown


def _same_ends(one: str, other: str) -> tuple[int, int]:
    """How many characters two texts share at their beginnings, and at the ends of what is left."""
    first = _shared(one, other)
    return first, _shared(one[first:][::-1], other[first:][::-1])


def _shared(one: str, other: str) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def roman(written: str) -> str:
    """The digits of a Roman number."""
    total = 0
    for sign, after in zip(written, [*written[1:], ""], strict=True):
        value = _ROMAN[sign]
        # a sign before a greater one is taken away: IV is four
        total += -value if after and _ROMAN[after] > value else value
    return str(total)


def is_inch(match: re.Match[str]) -> bool:
    """Whether the mark that ends a match, behind digits, is one of inches and closes no quotation."""
    if match[0][-1] == "″":
        return True
    quoted = False
    for mark in re.finditer('"', match.string[: match.end() - 1]):
        # behind a digit it is inches too, unless it closes what is quoted
        quoted = not quoted and (mark.start() == 0 or not match.string[mark.start() - 1].isdigit())
    return not quoted


def alternatives(words: object) -> str:
    """A pattern of any of the words, the longest first."""
    # `re` takes the first alternative that fits, so a short word would hide the longer one that starts with it
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))  # type: ignore[call-overload]
