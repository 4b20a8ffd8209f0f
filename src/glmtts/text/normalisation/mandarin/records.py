"""Mandarin numbers of registers, journals and machines, read by their signs: 京ICP备12345678号-1, ISSN 1000-1234."""

import re

from glmtts.text.normalisation.rules import Rule
from glmtts.text.numbers_zh import digits


def _registered(match: re.Match[str]) -> str:
    return f"{match[1]}{digits(match[2])}号" + (f"杠{digits(match[3])}" if match[3] else "")


def _spelled(written: str) -> str:
    """Figures and capitals one by one: 1A is 一A."""
    return digits(written.upper())


# Before dates, times and spans.
FIRST: list[Rule] = [
    Rule(r"((?:ICP|网安)[备证]\s?)(\d{6,14})号(?:-(\d{1,3})(?!\d))?", _registered, needs="号"),
    Rule(
        r"(ISSN\s?[:：]?\s?|(?<![A-Za-z])CN\s?(?=\d\d-\d{4}))(\d{2}|\d{4})[-–](\d{3}[\dXx])(?![\dA-Za-z])",
        lambda m: f"{m[1]}{digits(m[2])}，{_spelled(m[3])}",
        needs="N",
    ),
    # the address of a network card, whose pairs have letters among them
    Rule(
        r"(?<![A-Za-z\d:-])(?=[\d:-]{0,24}[A-Fa-f])(?=[A-Fa-f:-]{0,24}\d)[\dA-Fa-f]{2}(?:([:-])[\dA-Fa-f]{2})(?:\1[\dA-Fa-f]{2}){1,6}(?![A-Za-z\d:-])",
        lambda m: "，".join(map(_spelled, re.split("[:-]", m[0]))),
    ),
]
