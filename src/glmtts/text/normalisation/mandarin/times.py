"""Mandarin clock times, ratios and scores: what a colon between numbers says."""

import re

from glmtts.text.normalisation.rules import Rule, rule
from glmtts.text.numbers_zh import cardinal, number

_TO = r"\s?(?:[-~～–—－]{1,2}|至|到)\s?"
_RATIO_BEFORE = (
    r"(?:比分|比例|比率|配比|之比|占比|赔率|胜率|[以比]|得分|大比分|战平|领先|落后|击败|战胜|险胜|完胜|惜败|"
    r"负于|不敌|逼平|横扫|按|尺寸|画幅|宽高比|比值)"
)
_RATIO_AFTER = r"(?:[的之]?(?:比例|比率|比分|配比)|[获战险击惜大完力取横逼]|领先|落后|胜|负|平|不敌)"
_HALF = {"a": "上午", "p": "下午"}


def clock(hour: str, minute: str, second: str | None = None) -> str:
    """10:30 is 十点三十分, 10:05 十点零五分, 10:00 十点, 10:00:05 十点零分五秒."""
    hours = "两" if int(hour) == 2 else cardinal(str(int(hour)))
    minutes = ("零" if minute[0] == "0" and minute != "00" else "") + cardinal(str(int(minute)))
    if second:
        return f"{hours}点{minutes}分{cardinal(str(int(second)))}秒"
    return f"{hours}点" if minute == "00" else f"{hours}点{minutes}分"


def _clock(match: re.Match[str]) -> str:
    half = _HALF[match["half"].lower()] if match["half"] else ""
    # 30:25 is no time of day and is left to the rule of ratios, which comes after this one
    if int(match["hour"]) > 24:
        return match[0]
    return half + clock(match["hour"], match["minute"], match["second"])


def _span(match: re.Match[str]) -> str:
    if int(match[1]) > 24 or int(match[4]) > 24:
        return match[0]
    return f"{clock(match[1], match[2], match[3])}到{clock(match[4], match[5], match[6])}"


def _ratio(match: re.Match[str]) -> str:
    return "比".join(number(part) for part in re.split(r"\s?[:：∶]\s?", match["ratio"]))


def _hour(match: re.Match[str]) -> str:
    """8am, 8点30."""
    return _HALF[match[2].lower()] + ("两" if match[1] == "2" else cardinal(str(int(match[1])))) + "点"


_R = r"\d+(?:\.\d+)?(?:\s?[:：∶]\s?\d+(?:\.\d+)?)"
RULES: list[Rule] = [
    rule(
        rf"(?P<word>{_RATIO_BEFORE}[为是达约到了]?\s?[:：]?\s?)(?P<ratio>{_R}{{1,3}})(?!\d)",
        lambda m: m["word"] + _ratio(m),
    ),
    rule(rf"(?P<ratio>(?<![\d:：.])\d{{1,3}}\s?[:：]\s?\d{{1,3}})(?={_RATIO_AFTER})", _ratio),
    rule(
        r"(比分[为是达到]?\s*)?(?<![\d.-])(\d{1,3})[-–](\d{1,3})(?(1)(?!\d)|(?=[获战险击惜大完力横逼]|领先|落后|不敌))",
        lambda m: f"{m[1] or ''}{cardinal(m[2])}比{cardinal(m[3])}",
    ),
    rule(
        rf"(?<!\d)(?<!\d[:：])(\d{{1,2}})[:：]([0-5]\d)(?:[:：]([0-5]\d))?{_TO}(?:次日|第二天)?(\d{{1,2}})[:：]([0-5]\d)(?:[:：]([0-5]\d))?(?!\d|[:：]\d)",
        _span,
    ),
    rule(
        r"(?<!\d)(?<!\d[:：.])(?P<hour>\d{1,2})[:：](?P<minute>[0-5]\d)(?:[:：](?P<second>[0-5]\d)|分)?(?:\s?(?P<half>[aApP])\.?[mM](?![A-Za-z])\.?)?(?![\d]|[:：]\d|\.\d)",
        _clock,
    ),
    rule(rf"(?<!\d)(?<!\d[:：.])(?P<ratio>{_R}{{1,4}})(?!\d|[:：]\d)", _ratio),
    rule(r"(?<![\d.])(\d{1,2})\s?([aApP])\.?[mM](?![A-Za-z])\.?", _hour),
    rule(
        r"(?<![\d.])(\d{1,2})点([0-5]\d)(?![\d分点])",
        lambda m: clock(m[1], m[2]),
    ),
    rule(r"(?<=点)0(\d)(?=分)", lambda m: f"零{cardinal(m[1])}"),
]
