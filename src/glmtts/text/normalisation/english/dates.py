"""English dates and years in every common writing: July 4th, 4-Jul-2021, 2021-07-04, 7/4/21, the 1950s-70s."""

import re

from glmtts.text.normalisation.english import verses
from glmtts.text.normalisation.english.seconds import are_seconds
from glmtts.text.normalisation.rules import Rule, alternatives
from glmtts.text.numbers_en import cardinal, fraction, ordinal, plural, year

MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December"]  # fmt: skip
_NAMES = {name[:3].lower(): name for name in MONTHS} | {name.lower(): name for name in MONTHS} | {"sept": "September"}
_DAYS = {"mon": "Monday", "tue": "Tuesday", "tues": "Tuesday", "wed": "Wednesday", "weds": "Wednesday",
         "thu": "Thursday", "thur": "Thursday", "thurs": "Thursday", "fri": "Friday", "sat": "Saturday",
         "sun": "Sunday"}  # fmt: skip
TO = r"\s?(?:[-–—~]|to)\s?"
_MONTH = rf"(?P<month>(?i:{alternatives(_NAMES)}))\b\.?"
# "may" and "march" in small letters are verbs where no year follows.
_NO_VERB = r"(?<!\bmay)(?<!\bmarch)(?<!\bmar)"
_DAY = r"(?P<day>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_YEAR = r"(?:1\d|20)\d\d"
_ANY_YEAR = rf"(?P<year>{_YEAR}|['’]\d\d)"
_SMALL_WORDS = ("sat", "sun", "wed", "mon")  # in small letters these are days before a month only: I sat 5 minutes
_AFTER = r"(?![\d%]|[:.,]\d|\s?(?:%|percent|million|people|times|miles|km))"
# After the day and the month two digits are a year even without an apostrophe, unless they are a time.
_SHORT_YEAR = rf"(?P<year>{_YEAR}|['’]?\d\d(?![\d:.]|\s?[aApP]\.?[mM]|\s[a-z]+s\b))"
_WEEKDAY = rf"\b({alternatives(_DAYS)})"
# Parts of an inch, a cup and a beat.
_RULED = frozenset(("2", "3", "4", "5", "6", "8", "10", "12", "16"))
_CUPS = re.compile(r"[\s-](?:cups?|inch|inches|of|tsp|tbsp|teaspoons?|tablespoons?|in\b|miles?|pounds?|hours?)")
# What has a year before it: the 1381 revolt.
_EVENT = (
    r"(?:revolts?|rebellion|uprising|invasion|conquest|battle|siege|treaty|plague|fire|crusade|war|massacre|expedition|voyage|"
    r"edition|edict|charter|coronation|execution|translation|earthquake|eruption|famine|settlement|map|manuscript|trial)"
)
# The year before which two digits are of this century.
_PIVOT = 50


def spoken_year(written: str) -> str:
    """Two or four digits, with an apostrophe or not: '21 is twenty twenty one, 98 nineteen ninety eight."""
    plain = written.lstrip("'’")
    if len(plain) == 2:
        plain = ("20" if int(plain) < _PIVOT else "19") + plain
    return year(plain)


def spoken_date(month: int, day: int, year_written: str | None) -> str:
    """March third, twenty twenty one."""
    return _of(MONTHS[month - 1], str(day), year_written)


def _of(month: str, day: str, year_written: str | None) -> str:
    spoken = f"{month} {ordinal(str(int(day)))}"
    return f"{spoken}, {spoken_year(year_written)}" if year_written else spoken


def _named(match: re.Match[str]) -> str:
    """Month, day and perhaps a second day and a year."""
    month = _NAMES[match["month"].lower()]
    last = match["last"]
    if last:
        spoken = f"{month} {ordinal(str(int(match['day'])))} to {ordinal(str(int(last)))}"
        return f"{spoken}, {spoken_year(match['year'])}" if match["year"] else spoken
    return _of(month, match["day"], match["year"])


def _day_first(match: re.Match[str]) -> str:
    month = _NAMES[match["month"].lower()]
    first = ordinal(str(int(match["day"])))
    days = f"{first} to {ordinal(str(int(match['last'])))}" if match["last"] else first
    before = re.search(r"([a-z]+) $", match.string[max(0, match.start() - 12) : match.start()])
    the = "the " if before and before[1] not in ("the", "this", "that") else ""
    return f"{the}{days} of {month}" + (f", {spoken_year(match['year'])}" if match["year"] else "")


def _year_first(match: re.Match[str]) -> str:
    """2021-07-04."""
    month, day = int(match["month"]), int(match["day"])
    return spoken_date(month, day, match["year"]) if 1 <= month <= 12 and 1 <= day <= 31 else match[0]


def _numbers(match: re.Match[str]) -> str:
    """7/4/2021 is American, 18-02-2021 cannot be, 18.02.2021 is European by its dots."""
    first, second = int(match["first"]), int(match["second"])
    day_first = first > 12 or (match["mark"] == "." and second <= 12)
    month, day = (second, first) if day_first else (first, second)
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return match[0]
    if not day_first:
        return spoken_date(month, day, match["year"])
    the = "" if match.string[: match.start()].lower().endswith("the ") else "the "
    return f"{the}{ordinal(str(day))} of {MONTHS[month - 1]} {spoken_year(match['year'])}"


def _without_year(match: re.Match[str]) -> str:
    """on 2/29: only words that dates follow make one of two numbers."""
    month, day = int(match["month"]), int(match["day"])
    return match["before"] + spoken_date(month, day, None) if 1 <= month <= 12 and 1 <= day <= 31 else match[0]


def _is_date(month: str, day: str) -> bool:
    return 1 <= int(month) <= 12 and 1 <= int(day) <= 31


def _span(match: re.Match[str]) -> str:
    """12/24-12/26 and 3/1-3/15 are days; 1/4-1/2 and 3/4-7/8 are fractions that rise."""
    first, second = (match["m1"], match["d1"]), (match["m2"], match["d2"])
    later = tuple(map(int, second)) > tuple(map(int, first)) or (int(first[0]) > 10 and int(second[0]) < 3)
    parts = all(0 < int(top) < int(bottom) and bottom in _RULED for top, bottom in (first, second))
    rises = parts and int(first[0]) * int(second[1]) <= int(second[0]) * int(first[1])
    measured = _CUPS.match(match.string[match.end() :][:12])
    if parts and (measured or (not match["before"] and (rises or not later))):
        joint = "and" if match["joint"] == "and" else "to"
        return f"{match['before'] or ''}{fraction(*first)} {joint} {fraction(*second)}"
    if not (later and _is_date(*first) and _is_date(*second)):
        return match[0]
    days = [spoken_date(int(month), int(day), None) for month, day in (first, second)]
    joint = match["joint"] if match["joint"] in ("and", "through", "until") else "to"
    return f"{match['before'] or ''}{days[0]} {joint} {days[1]}"


def _decades(match: re.Match[str]) -> str:
    """1950s-70s, '90s, the 80s; wait 30s is left to the units."""
    first = match["first"] or match["first2"]
    if match["first2"] and are_seconds(match, first):
        return match[0]
    spoken = plural(year(first)) if len(first) == 4 else plural(cardinal(first))
    if first in ("00", "10"):  # a decade of two digits that has no plural
        spoken = "two thousands" if first == "00" else "twenty tens"
    if match["last"]:
        last = match["last"].lstrip("'’")
        spoken += " to " + (plural(year(last)) if len(last) == 4 else plural(cardinal(last)))
    return spoken


def _era(match: re.Match[str]) -> str:
    years = [_old_year(part) for part in (match["first"], match["last"]) if part]
    return " to ".join(years) + " " + " ".join(re.findall("[A-Z]", match["era"].upper()))


def _old_year(written: str) -> str:
    """44, 476 (four seventy six), 1066."""
    if len(written) == 3 and written[1:] != "00":
        return f"{cardinal(written[0])} " + (
            f"oh {cardinal(written[2])}" if written[1] == "0" else cardinal(written[1:])
        )
    return year(written) if len(written) == 4 else cardinal(written)


def _short_range(match: re.Match[str]) -> str:
    """2019-20, 1914-18: the second year in two digits, if it is later; else a month (2024-03)."""
    if int(match[2]) <= int(match[1][2:]):
        return f"{MONTHS[int(match[2]) - 1]} {year(match[1])}" if 1 <= int(match[2]) <= 12 else match[0]
    return f"{year(match[1])} to {cardinal(match[2])}"


def _months(match: re.Match[str]) -> str:
    first, last = (_NAMES[name.lower()] for name in match.groups() if name)
    return f"{first} to {last}"


def _weekdays(match: re.Match[str]) -> str:
    return f"{_DAYS[match[1].lower()]} to {_DAYS[match[2].lower()]}"


def _day_of_date(match: re.Match[str]) -> str:
    if match[1] in _SMALL_WORDS and not re.match(rf",?\s{_MONTHS_ANY}\b", match.string[match.end() :][:12]):
        return match[0]
    return _DAYS[match[1].lower()]


def _weekend(match: re.Match[str]) -> str:
    return re.sub(r"Sat|Sun", lambda day: _DAYS[day[0].lower()], match[0])


_MONTHS_ANY = f"(?i:{alternatives(_NAMES)})"
RULES: list[Rule] = [
    *verses.RULES,
    # The T of ISO 8601 goes first: the rule of 2021-07-04 takes no date that a letter touches.
    Rule(r"(?<=\d{4}-\d\d-\d\d)T(?=\d\d:\d\d)", lambda m: ", "),
    # the Z of ISO 8601 is the zone UTC
    Rule(r"(?<=:\d\d)(?:\.\d{1,9})?Z\b", lambda m: " U T C"),
    Rule(rf"{_WEEKDAY}\.?\s?[-–—~]\s?({alternatives(_DAYS)})\b\.?(?!\w)", _weekdays, re.IGNORECASE),
    Rule(
        rf"\b({alternatives(_DAYS)})\b\.?(?=,?\s(?:{_MONTHS_ANY})\b|,\s?\d|\.?\s\d)",
        _day_of_date,
        re.IGNORECASE,
    ),
    Rule(r"\b(Mon|Tues?|Weds?|Thu|Thurs?|Fri)\b(?!['-]|\s[A-Z][a-z])\.?(?=\W|$)", lambda m: _DAYS[m[1].lower()]),
    # Sat and Sun may be words of a sentence; beside another day they are none
    Rule(r"\b(?:Sat|Sun)\s?(?:[/&]|and|or)\s?(?:Sat|Sun)\b|(?<=day)\s?(?:[/&,]|and|or)\s?(?:Sat|Sun)\b", _weekend),
    Rule(
        rf"\b({_MONTHS_ANY})\.?\s?[-–—]\s?({_MONTHS_ANY})\b\.?(?![- ]?\d)(?<!\bmay)|"
        rf"\b({_MONTHS_ANY})\.?\s?[-–—]\s?({_MONTHS_ANY})\b\.?(?=\s(?:{_YEAR}|['’]\d\d)\b)",
        _months,
    ),
    # From one date to another: Jan 5–Feb 10, 7th–8th.
    Rule(rf"(?<=\d)(?:st|nd|rd|th)?\s?[-–—]\s?(?={_MONTHS_ANY}\b\.?\s\d)", lambda m: " to "),
    Rule(r"(?<=\d(?:st|nd|rd|th))\s?[-–—]\s?(?=\d+(?:st|nd|rd|th)\b)", lambda m: " to "),
    Rule(
        rf"(?<![\w/.-])(?P<year>{_YEAR})[-/ ]{_MONTH}[-/ ]{_DAY}(?![\w-])",
        lambda m: _of(_NAMES[m["month"].lower()], m["day"], m["year"]),
    ),
    Rule(
        rf"(?<![\w/.:,-]){_DAY}(?:{TO}(?P<last>\d{{1,2}})(?:st|nd|rd|th)?)?(?:\sof\s|\s|-|/)(?!may\s[a-z])(?!march\s[a-z]){_MONTH}"
        rf"(?:(?:,\s?|\s|-|/){_SHORT_YEAR}\b)?(?![\w-])",
        _day_first,
    ),
    Rule(
        rf"\b{_MONTH}{_NO_VERB}(?:\s|-|\.\s?)?(?<![a-z]){_DAY}(?:{TO}(?P<last>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:]))?"
        rf"(?:(?:,\s?|\s|-|/){_ANY_YEAR}\b(?!:))?{_AFTER}",
        _named,
    ),
    Rule(
        rf"\b(?P<month>may|march|mar)\b\.?\s{_DAY}(?P<last>)(?:,\s?|\s){_ANY_YEAR}\b",
        _named,
    ),
    Rule(
        rf"\b{_MONTH}[\s-](?P<year>{_YEAR}|['’]\d\d)\b(?![-\d,]\d)",
        lambda m: f"{_NAMES[m['month'].lower()]} {spoken_year(m['year'])}",
    ),
    Rule(
        rf"(?<![\w/.-])(?P<year>{_YEAR})(?P<mark>[-/.])(?P<month>\d{{1,2}})(?P=mark)(?P<day>\d{{1,2}})(?![\w/-]|\.\d)",
        _year_first,
    ),
    # from one date of figures to another, before each is said: 12/24/2023-1/2/2024
    Rule(
        r"(?<![\w/.-])(\d{1,2}([/.])\d{1,2}\2(?:\d{4}|\d\d))\s?[-–—]\s?(?=\d{1,2}\2\d{1,2}\2(?:\d{4}|\d\d)(?![\w/-]))",
        lambda m: f"{m[1]} to ",
    ),
    Rule(
        rf"(?<![\w/.-])(?P<first>\d{{1,2}})(?P<mark>[-/.])(?P<second>\d{{1,2}})(?P=mark)(?P<year>{_YEAR})(?![\w/-]|\.\d)",
        _numbers,
    ),
    Rule(r"(?<![\w/.-])(?P<first>\d{1,2})(?P<mark>/)(?P<second>\d{1,2})/(?P<year>\d\d)(?![\w/-]|\.\d)", _numbers),
    # before a span is none of two numbers: 12/24-12/26, from 3/1 to 3/15
    Rule(
        r"(?<![\w/.-])(?P<before>\b(?:[Ff]rom|[Bb]etween)\s)?(?P<m1>\d{1,2})/(?P<d1>\d{1,2})\s?"
        r"(?P<joint>[-–—]|(?<=\s)(?:to|through|until|and)\b)\s?"
        r"(?P<m2>\d{1,2})/(?P<d2>\d{1,2})(?![\w/]|\.\d|-\d)",
        lambda m: _span(m) if m["joint"] != "and" or m["before"] else m[0],
        needs="/",
    ),
    # without such a word 2/29 is no date
    Rule(
        r"\b(?P<before>(?:[Oo]n|[Uu]ntil|[Tt]ill|[Bb]y|[Ss]ince|[Dd]ue|[Dd]ated?:?|[Bb]efore|[Aa]fter|[Ff]rom)\s)(?P<month>\d{1,2})/(?P<day>\d{1,2})(?![\w/])",
        _without_year,
    ),
    Rule(
        rf"(?<![\w.,])(?P<first>\d{{1,4}})(?:{TO}(?P<last>\d{{1,4}}))?\s?(?P<era>BCE|BC|CE|AD|B\.C\.E\.|B\.C\.|A\.D\.)(?![\w.])",
        _era,
    ),
    # the mark of a year that is cut short, with no partner: Q4'23
    Rule(r"(?<=\b[QH][1-4])['’](?=\d\d\b)", lambda m: " "),
    Rule(r"\b(?:AD|A\.D\.)\s(\d{1,4})\b", lambda m: f"A D {_old_year(m[1])}"),
    # a date without marks: backup 20240315
    Rule(
        rf"(?<![\w.,$])(?P<year>{_YEAR})(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])(?!\w|[,.]\d|\s[a-z]+s\b)",
        _year_first,
    ),
    Rule(rf"(?<![\w-])({_YEAR}){TO}({_YEAR})(?![\w-])", lambda m: f"{year(m[1])} to {year(m[2])}"),
    # before the units, to which an s behind a number is of seconds
    Rule(
        rf"(?<![\w.])(?!1000s\sof)(?P<first>{_YEAR})(?P<first2>)['’]?s(?:{TO}(?P<last>(?:{_YEAR}|['’]?\d0))['’]?s)?\b",
        _decades,
    ),
    Rule(
        r"(?<![\w])(?:['’](?P<first>\d0)|(?P<first2>[2-9]0|(?<=[Tt]he )00))['’]?s"
        r"(?:\s?(?:[-–—~]|to)\s?['’]?(?P<last>[2-9]0)['’]?s)?\b",
        _decades,
    ),
    Rule(rf"(?<![\w-])({_YEAR})[-–—/](\d\d)(?![\w-]|[.,]\d)", _short_range),
    # alone in brackets, and before an event: Hastings (1066), the 1381 revolt
    Rule(rf"1[0-6]\d\d(?:(?<=\(\d{{4}})(?=\))|(?<=\b[Tt]he \d{{4}})(?=\s{_EVENT}\b))", lambda m: year(m[0])),
    # after this word any four digits: the year 2525
    Rule(r"(?<=\b[Yy]ear )[1-9]\d{3}(?!\w|[,.]\d)", lambda m: year(m[0])),
    # after these it is a year from 1000 on, alone only from 1700 (general.py): in 1066
    Rule(
        rf"\b((?:[Ii]n|[Ss]ince|[Uu]ntil|[Yy]ear|[Ff]rom|[Bb]y|[Oo]f|[Cc]irca|[Ee]arly|[Ll]ate|[Mm]id|[Bb]orn|[Dd]ied)[\s-]){_YEAR}(?!\w|[,.]\d)(?!\s(?:people|men|women|words|of)\b)",
        lambda m: m[1] + year(m[0][len(m[1]) :]),
    ),
]
