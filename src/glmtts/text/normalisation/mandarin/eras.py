"""Mandarin years of early times and of what is printed: 公元960-1279年, （前551-前479）, ©2024, 2023第5期."""

import re

from glmtts.text.normalisation.rules import Rule
from glmtts.text.numbers_zh import cardinal, digits

_TO = r"\s?[-~～–—－]{1,2}\s?"
_YEAR = r"(?:1[5-9]|20)\d\d"
_ERA = "(?:公元|西元)?前"
_WEEK = "周|星期|礼拜"
_NEAR = 30  # characters behind the sign of copyright in which its words are looked for
_PART = "次日|翌日|第二天|当[天日晚]|凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上|夜里"


def _bounded(year: str, after_year: bool) -> str:
    """Years of one span are read alike: 公元九六零到一二七九年; those of two digits are numbers."""
    return (digits(year) if len(year) > 2 else cardinal(year)) + ("年" if after_year else "")


def _copyright(match: re.Match[str]) -> str:
    """The sign before a year; it is silent where words beside it say the same: 版权所有©2024."""
    said = match["word"] or "版权所有" in match.string[match.end() :][:_NEAR]
    word = (match["word"] or "") + match["gap"] if said else "版权所有"
    return word + digits(match["year"] or "")


# Before dates, whose spans have years of four digits.
FIRST: list[Rule] = [
    Rule(
        rf"(?P<word>版权所有|[Cc]opyright)?(?P<gap>\s?)©\s?(?P<year>{_YEAR}(?![\d.,]|年|{_TO}\d))?",
        _copyright,
        needs="©",
    ),
    # an issue: 2023第5期
    Rule(rf"(?<![\d.,]){_YEAR}(?=，?\s?第\d{{1,3}}(?:[期卷辑号]|次会))", lambda m: digits(m[0]), needs="第"),
    Rule(
        rf"(?<=[公西]元)(\d{{1,4}})(年?){_TO}(?=(\d{{3,4}})年)(\d{{3,4}})",
        lambda m: f"{_bounded(m[1], bool(m[2]))}到{digits(m[4])}",
        needs="元",
    ),
    Rule(rf"({_ERA}\d{{1,4}}年?){_TO}(?=(?:公元|西元)?前?\d)", lambda m: f"{m[1]}到", needs="前"),
    Rule(rf"(?<=[年纪代]){_TO}(?=(?:公元|西元)前?\d)|(?<=年代){_TO}(?=\d)", lambda m: "到"),
    # a clock time, and the day of the other one: 周一8:00-周三18:00
    Rule(
        rf"((?:\d[:：]\d\d|\d点半?|\d时)(?:\d\d分?)?){_TO}(?=(?:{_WEEK})[一二三四五六日天末1-7]|(?:{_PART})\d|\d{{1,2}}月\d|\d{{1,2}}[日号]\d)",
        lambda m: f"{m[1]}到",
    ),
]
