"""Mandarin clock times: what a colon between numbers says where it is no score and no label."""

import re

from glmtts.text.normalisation.mandarin.scores import RATIO, ratio
from glmtts.text.normalisation.rules import Rule
from glmtts.text.numbers_zh import cardinal, number

_TO = r"\s?(?:[-~～–—－]{1,2}|至|到)\s?"
_PART = "次日|第二天|当[天日晚]|凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上|夜里"
# What lasts rather than begins: 用时1:05:30.
_LASTING = re.compile(r"(?:用时|耗时|历时|时长|成绩|马拉松|跑出|跑了)[^，。；]{0,4}$")
_HALF = {"a": "上午", "p": "下午"}


def clock(hour: str, minute: str, second: str | None = None) -> str:
    """10:30 is 十点三十分, 10:05 十点零五分, 10:00 十点, 10:00:05 十点零分五秒."""
    hours = "两" if int(hour) == 2 else cardinal(str(int(hour)))
    minutes = ("零" if minute[0] == "0" and minute != "00" else "") + cardinal(str(int(minute)))
    if second:
        whole, point, part = second.partition(".")
        return f"{hours}点{minutes}分{number(str(int(whole)) + point + part)}秒"
    return f"{hours}点" if minute == "00" else f"{hours}点{minutes}分"


def _clock(match: re.Match[str]) -> str:
    half = _half_of(match, match["half"]) if match["half"] else ""
    # 30:25 is no time of day and is left to the rule of ratios, which comes after this one
    if int(match["hour"]) > 24:
        return match[0]
    if match["second"] and _lasts(match):
        return clock(match["hour"], match["minute"], match["second"]).replace("点", "小时", 1)
    return half + clock(match["hour"], match["minute"], match["second"])


def _lasts(match: re.Match[str]) -> bool:
    return _LASTING.search(match.string[max(0, match.start() - 10) : match.start()]) is not None


def _span(match: re.Match[str]) -> str:
    if int(match[1]) > 24 or int(match[5]) > 24:
        return match[0]
    return f"{clock(match[1], match[2], match[3])}到{match[4] or ''}{clock(match[5], match[6], match[7])}"


def _hour(match: re.Match[str]) -> str:
    """8am, 8点30."""
    return _half_of(match, match[2]) + ("两" if match[1] == "2" else cardinal(str(int(match[1])))) + "点"


def _half_of(match: re.Match[str], half: str) -> str:
    """The half of the day, unless the text says it already: 下午2 pm."""
    before = match.string[max(0, match.start() - 4) : match.start()].rstrip()
    return "" if re.search(rf"(?:{_PART})$", before) else _HALF[half.lower()]


def _offset(match: re.Match[str]) -> str:
    minutes = "" if match[3] == "00" else f"小时{cardinal(match[3])}分"
    return f"{'加' if match[1] == '+' else '减'}{cardinal(match[2])}{minutes}"


RULES: list[Rule] = [
    # An offset is no time of day: UTC+8:00.
    Rule(
        r"(?<=UTC|GMT)\s?([-−+])0?(\d{1,2}):([0-5]\d)(?!\d)",
        _offset,
    ),
    Rule(rf"(?:(?<=\d[点月日号])|(?<=点半))\s?[-~～–—－]{{1,2}}\s?(?=(?:{_PART})\d)", lambda m: "到"),
    Rule(r"(?<=点半)\s?[-~～–—－]{1,2}\s?(?=\d{1,2}[点:：])", lambda m: "到"),
    Rule(
        rf"(?<!\d)(?<!\d[:：])(\d{{1,2}})[:：]([0-5]\d)(?:[:：]([0-5]\d))?{_TO}({_PART})?(\d{{1,2}})[:：]([0-5]\d)(?:[:：]([0-5]\d))?(?!\d|[:：]\d)",
        _span,
    ),
    Rule(
        r"(?<!\d)(?<!\d[:：.])(?P<hour>\d{1,2})[:：](?P<minute>[0-5]\d)(?:[:：](?P<second>[0-5]\d(?:\.\d{1,3})?)|分)?(?:\s?(?P<half>[aApP])\.?[mM](?![A-Za-z])\.?)?(?![\d]|[:：]\d|\.\d)",
        _clock,
    ),
    # what lasts is no ratio: 成绩1:45.32
    Rule(
        r"(?<!\d)(?<!\d[:：.])(\d{1,2})[:：]([0-5]\d\.\d{1,3})(?!\d|[:：])",
        lambda m: f"{number(m[1])}分{number(m[2].removeprefix('0'))}秒" if _lasts(m) else m[0],
    ),
    Rule(rf"(?<!\d)(?<!\d[:：.])(?P<ratio>{RATIO}{{1,4}})(?!\d|[:：]\d)", ratio),
    # before the units, to which a pm is a 皮米: 3pm
    Rule(r"(?<![\d.])(\d{1,2})\s?([aApP])\.?[mM](?![A-Za-z])\.?", _hour),
    # 分 left out: 9点30
    Rule(
        r"(?<![\d.])(\d{1,2})点([0-5]\d)(?![\d分点])",
        lambda m: clock(m[1], m[2]),
    ),
    Rule(r"(?<=点)0(\d)(?=分)", lambda m: f"零{cardinal(m[1])}"),
]
