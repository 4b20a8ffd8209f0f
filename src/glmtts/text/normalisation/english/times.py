"""English clock times and durations: 7:15, 1.45 p.m., 8am-6pm, 10:00:20, 0830 hours, 1h 30m."""

import re

from glmtts.text.normalisation.rules import Rule
from glmtts.text.numbers_en import cardinal, digits

_HALF = r"\s?(?P<half>[aApP])\.?\s?[mM]\b\.?"
_TO = r"\s?(?:[-–—~]|to)\s?"
_HOUR, _MINUTE = r"(?:[01]?\d|2[0-4])", r"[0-5]\d"


# A zone or a day after "p.m." goes with it, and so does what is in capitals: 5 p.m. ET, 5 p.m. Monday.
_AFTER_CLOCK = re.compile(
    r"[A-Z]{2,5}(?![A-Za-z])|(?:Eastern|Pacific|Central|Mountain|Atlantic|Greenwich|Beijing|London|Local|Today|Tonight)|"
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:[a-z]*day)?\b|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)d?|"
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\s?\d?"
)


def clock(hour: str, minute: str, half: str | None) -> str:
    """10:30 a.m. is ten thirty A M, 3:05 three oh five, 9:00 nine o'clock, 14:00 fourteen hundred."""
    hours = cardinal(str(int(hour)))
    ending = f" {half[0].upper()} M" if half else ""
    if minute == "00":
        return hours + (ending or (" o'clock" if 0 < int(hour) < 13 else " hundred"))
    return f"{hours} " + (f"oh {cardinal(minute[1])}" if minute[0] == "0" else cardinal(minute)) + ending


def _time(match: re.Match[str]) -> str:
    second, half = match["second"], match["half"]
    if int(match["hour"]) > 24:
        return match[0]
    if not second:
        return clock(match["hour"], match["minute"], half) + _full_stop(match)
    seconds = f"{cardinal(str(int(second)))} second{'' if int(second) == 1 else 's'}"
    if int(second) == 0:
        return clock(match["hour"], match["minute"], half) + _full_stop(match)
    ending = f" {half[0].upper()} M" + _full_stop(match) if half else ""
    return f"{clock(match['hour'], match['minute'], None)} and {seconds}{ending}"


def _full_stop(match: re.Match[str]) -> str:
    """The stop of "a.m." ends the sentence only at the end of the text or before a capital."""
    rest = match.string[match.end() : match.end() + 10].strip()
    ends = rest[0].isupper() and not _AFTER_CLOCK.match(rest) if rest else match.start() > 0
    return "." if ends and match[0].endswith(".") else ""


def _range(match: re.Match[str]) -> str:
    """8am-6pm, 9:30-11am, 8-6pm."""
    first = _hour(match["h1"], match["m1"], match["half1"])
    return f"{first} to {_hour(match['h2'], match['m2'], match['half'])}{_full_stop(match)}"


def _hour(hour: str, minute: str | None, half: str | None) -> str:
    if minute:
        return clock(hour, minute, half)
    return cardinal(str(int(hour))) + (f" {half[0].upper()} M" if half else "")


def _military(match: re.Match[str]) -> str:
    """0830 hours is oh eight thirty hours."""
    hour, minute = match[1], match[2]
    hours = f"oh {cardinal(hour[1])}" if hour[0] == "0" else cardinal(hour)
    minutes = "hundred" if minute == "00" else f"oh {cardinal(minute[1])}" if minute[0] == "0" else cardinal(minute)
    return f"{hours} {minutes} hours"


def _minutes(match: re.Match[str]) -> str:
    """Finished in 45:12 is forty five twelve; 60:40 and 50:50 are shares."""
    minutes, seconds = match[1], match[2]
    if int(minutes) <= 24 or int(minutes) > 59 or (minutes[1] == seconds[1] == "0" != seconds[0]):
        return match[0]
    return clock(minutes, seconds, None) if seconds != "00" else f"{cardinal(minutes)} minutes"


def _stopwatch(match: re.Match[str]) -> str:
    """3:59.4 is three fifty nine point four; a ratio such as 1:10.5 is left to its rule."""
    around = match.string[max(0, match.start() - 20) : match.end() + 8]
    if re.search(r"ratio|proportion|odds|scale|split|mix", around):
        return match[0]
    minutes, seconds = match[1], match[2]
    said = f"oh {cardinal(seconds[1])}" if seconds[0] == "0" else cardinal(seconds)
    return f"{cardinal(str(int(minutes)))} {said} point {digits(match[3])}"


_NAMES = {"h": "hour", "hr": "hour", "hrs": "hour", "m": "minute", "min": "minute", "mins": "minute", "s": "second",
          "sec": "second", "secs": "second", "d": "day"}  # fmt: skip


def _duration(match: re.Match[str]) -> str:
    """1h 30m, 2d 4h, 45m10s."""
    parts = re.findall(r"(\d+)\s?([a-z]+)", match[0])
    return " ".join(f"{cardinal(amount)} {_NAMES[unit]}{'' if amount == '1' else 's'}" for amount, unit in parts)


RULES: list[Rule] = [
    # spans with a word on one side, which the rules of two clock times do not meet: noon-2pm
    Rule(r"\b(noon|midnight)\s?[-–—]\s?(?=\d)", lambda m: f"{m[1]} to ", re.IGNORECASE),
    Rule(r"(?<=[\dmM.])\s?[-–—]\s?(?=(?:noon|midnight)\b)", lambda m: " to "),
    # else a ratio: he ran it in 3:59.4
    Rule(r"(?<![\w:.])(\d{1,2}):([0-5]\d)\.(\d{1,3})(?![\w:]|\.\d)", _stopwatch, needs="."),
    Rule(
        rf"(?<![\w.:])(?P<h1>{_HOUR})(?:[:.](?P<m1>{_MINUTE}))?(?:\s?(?P<half1>[aApP])\.?[mM]\.?)?{_TO}(?P<h2>{_HOUR})"
        rf"(?:[:.](?P<m2>{_MINUTE}))?{_HALF}(?!\w)",
        _range,
    ),
    Rule(
        rf"(?<![\d:.])(\d{{1,2}}):({_MINUTE})\s?[-–—~]\s?(?=\d{{1,2}}:\d\d)",
        lambda m: f"{clock(m[1], m[2], None)} to " if int(m[1]) <= 24 else m[0],
    ),
    # of hours that something lasts (10:30 hours of work) the rule below says no more
    Rule(r"(?<![\w.:])([01]\d|2[0-3]):([0-5]\d)\s?(?:hours|hrs)\b(?!\sof\b)", _military),
    Rule(
        rf"(?<![\d:.])(?P<hour>\d{{1,2}}):(?P<minute>{_MINUTE})(?::(?P<second>{_MINUTE}))?(?:{_HALF}|h\b|\s(?:hours|hrs)\b)?(?![\d:]|[.,]\d)",
        _time,
    ),
    # what the rule above leaves as no time of day would be a ratio: finished in 45:12
    Rule(
        rf"(?<=\b(?:in|at) )(\d\d):({_MINUTE})(?![\d:]|[.,]\d|\s(?:ratio|proportion|odds|split))", _minutes, needs=":"
    ),
    # before the units, to which a pm is a picometer: 6.30pm, 5pm
    Rule(rf"(?<![\w.:])(?P<hour>{_HOUR})\.(?P<minute>{_MINUTE})(?P<second>){_HALF}(?!\w)", _time),
    Rule(
        rf"(?<![\w.:,])(?P<hour>\d{{1,2}}){_HALF}(?!\w)",
        lambda m: f"{cardinal(str(int(m['hour'])))} {m['half'].upper()} M" + _full_stop(m),
    ),
    Rule(r"\b([ap])\.\s?m\.", lambda m: f"{m[1].upper()} M" + ("." if not m.string[m.end() :].strip() else "")),
    # a number with a zero in front would be read digit by digit: 0830 hours
    Rule(r"(?<![\w.:])([01]\d|2[0-3])([0-5]\d)\s?(?:hours|hrs|h)\b", _military),
    Rule(r"(?<![\w.])(\d{1,2})h([0-5]\d)(?!\w)", lambda m: clock(m[1], m[2], None)),
    # parts of a duration in a row; one alone is left to the units
    Rule(r"(?<![\w.,])(?:\d+\s?d\s?)?\d+\s?hr?s?\s?\d+\s?m(?:ins?)?(?:\s?\d+\s?s(?:ecs?)?)?(?!\w)", _duration),
    Rule(r"(?<![\w.,])\d+\s?m(?:in)?\s?\d+\s?s(?:ec)?(?!\w)|(?<![\w.,])\d+\s?d\s?\d+\s?h(?!\w)", _duration),
]
