"""English: numbers, dates, times, money, units and signs to words, a table of rules from the special to the general."""

import re

from glmtts.text.numbers_en import cardinal, digits, fraction, number, ordinal, plural, year
from glmtts.text.rules import MAIL, NUMBER, Rule, applied, roman, rule
from glmtts.text.units import CURRENCIES_EN, UNITS_EN

_N = NUMBER
_FREE = r"(?<![\w.])(?<!\d,)"
_SIGNED = rf"{_FREE}[-−+]?(?:{_N})"
_TO = r"\s?[-–—~]\s?"
_UNIT = "|".join(re.escape(unit) for unit in sorted(UNITS_EN, key=len, reverse=True))
_MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December"]  # fmt: skip
_MONTH_OF = {name[:3]: name for name in _MONTHS} | {name: name for name in _MONTHS} | {"Sept": "September"}
_MONTH = "(" + "|".join(sorted(_MONTH_OF, key=len, reverse=True)) + r")\b\.?"
_YEAR = r"((?:1\d|20)\d\d)"
_SCALE = r"(?:\s?(thousand|million|billion|trillion|[kKMBT](?:n|bn)?)\b)?"
_SCALES = {"k": "thousand", "m": "million", "b": "billion", "bn": "billion", "mn": "million", "t": "trillion"}
_TITLES = {"Mr.": "Mister", "Mrs.": "Missus", "Ms.": "Miss", "Dr.": "Doctor", "Prof.": "Professor", "vs.": "versus",
           "etc.": "et cetera", "e.g.": "for example", "i.e.": "that is", "approx.": "approximately",
           "dept.": "department", "Dept.": "Department", "Jr.": "Junior", "Sr.": "Senior",
           "Gen.": "General", "Capt.": "Captain",
           "Sgt.": "Sergeant", "Lt.": "Lieutenant", "Col.": "Colonel", "Rev.": "Reverend", "Sen.": "Senator",
           "Gov.": "Governor", "Ave.": "Avenue", "Blvd.": "Boulevard", "Rd.": "Road", "Mt.": "Mount", "Ft.": "Fort",
           "Inc.": "Incorporated", "Ltd.": "Limited", "Corp.": "Corporation", "Co.": "Company", "est.": "estimated",
           "cf.": "compare", "Fig.": "Figure", "fig.": "figure", "Vol.": "Volume", "vol.": "volume",
           "Ch.": "Chapter", "pp.": "pages", "p.": "page", "w/o": "without", "w/": "with"}  # fmt: skip
_TITLE = re.compile("|".join(rf"\b{re.escape(title)}(?!\w)" for title in sorted(_TITLES, key=len, reverse=True)))
_NEEDS_DIGIT = ("p.", "pp.", "Fig.", "fig.", "Vol.", "vol.", "Ch.")
_ENDINGS = ("etc.", "Inc.", "Ltd.", "Corp.", "Co.", "Jr.", "Sr.", "Ave.", "Blvd.", "Rd.")
BEFORE_DIGITS = frozenset(_NEEDS_DIGIT) | {"No.", "Sept.", *(f"{month[:3]}." for month in _MONTHS)}
MAYBE_LAST = frozenset(_ENDINGS)
MID_SENTENCE = frozenset(_TITLES) - BEFORE_DIGITS - MAYBE_LAST | {"St."}
_NUMBERED = (
    "Chapter|Part|Volume|War|Act|Book|Section|Phase|Type|Level|Figure|Table|Appendix|Vol|Title|Stage|Class|"
    "Mark|Final Fantasy|Rocky|Grade|Article|Apollo|Unit|Round|Bowl"
)
_RULERS = (
    "Henry|Louis|Elizabeth|George|Charles|James|Edward|Richard|William|Mary|Pius|Paul|Benedict|Leo|Gregory|"
    "Philip|Frederick|Catherine|Peter|Nicholas|Alexander|Ferdinand|Napoleon|Ramses|Innocent|Urban|Clement|"
    "Francis|Constantine|Margaret|Wilhelm|Christian"
)
_MARKS = {"+": "plus", "-": "minus", "−": "minus", "×": "times", "x": "by", "X": "by", "*": "times", "÷": "divided by",
          "=": "equals", "<": "is less than", ">": "is greater than", "≥": "is at least", "≤": "is at most",
          "≈": "is about", "≠": "is not equal to", "±": "plus or minus"}  # fmt: skip


def in_words(text: str) -> str:
    """`text` with every number, sign and common abbreviation spelled out."""
    text = applied(RULES, text)
    return text


def _title(match: re.Match[str]) -> str:
    written, rest = match[0], match.string[match.end() : match.end() + 4].lstrip()
    if written in _NEEDS_DIGIT and not rest[:1].isdigit():
        return written
    if written == "Co." and not (rest[:1] in ",&" or rest[:3] in ("Ltd", "Inc", "")):
        return _TITLES[written] + (" " if rest else "")
    ends = written in _ENDINGS and (not rest or (rest[0].isupper() and written != "Co."))
    return _TITLES[written] + ("." if ends else "")


def _saint(match: re.Match[str]) -> str:
    return "Saint" if match[1] else "Street"


def _day(name: str, day: str, year_written: str | None) -> str:
    """March third, twenty twenty one."""
    spoken = f"{_MONTH_OF[name]} {ordinal(str(int(day)))}"
    return f"{spoken}, {year(year_written)}" if year_written else spoken


def spoken_date(month: int, day: int, year_written: str | None) -> str:
    """March third, twenty twenty one."""
    return _day(_MONTHS[month - 1], str(day), year_written)


def _numeric_date(written: str, month: str, day: str, year_written: str) -> str:
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return written
    return spoken_date(int(month), int(day), year_written)


def clock(hour: str, minute: str, half: str | None) -> str:
    """10:30 a.m. is ten thirty A M, 3:05 three oh five, 9:00 nine o'clock."""
    hours = cardinal(str(int(hour)))
    ending = f" {half[0].upper()} M" if half else ""
    if minute == "00":
        return hours + (ending or (" o'clock" if 0 < int(hour) < 13 else " hundred"))
    return f"{hours} " + (f"oh {cardinal(minute[1])}" if minute[0] == "0" else cardinal(minute)) + ending


def _time(match: re.Match[str]) -> str:
    hour, minute, second, half = match[1], match[2], match[3], match[4]
    if int(hour) > 24 or int(minute) > 59:
        return match[0]
    if second:
        return f"{clock(hour, minute, None)} and {_several(cardinal(str(int(second))), 'second', 'seconds')}" + (
            f" {half[0].upper()} M" if half else ""
        )
    return clock(hour, minute, half) + _full_stop(match)


def _full_stop(match: re.Match[str]) -> str:
    """The stop of "a.m." ends the sentence only at the end of the text or before a capital."""
    rest = match.string[match.end() : match.end() + 9].strip()
    ends = rest[0].isupper() if rest else match.start() > 0
    return "." if ends and match[0].endswith(".") else ""


def _several(amount: str, one: str, many: str) -> str:
    return f"{amount} {one if amount in ('one', 'minus one') else many}"


def _money(sign: str, written: str, scale: str | None) -> str:
    """$1,250.75 is one thousand two hundred fifty dollars and seventy five cents; $3.5 million keeps its point."""
    one, many, cent, cents = CURRENCIES_EN[sign]
    if scale:
        return f"{number(written)} {_SCALES.get(scale.lower(), scale)} {many}"
    whole, _, part = written.partition(".")
    if part and len(part) != 2:
        return f"{number(written)} {many}"
    amounts = [_several(cardinal(whole), one, many)] if int(whole.replace(",", "")) or not int(part or 0) else []
    if part and int(part):
        amounts.append(_several(cardinal(str(int(part))), cent, cents))
    return " and ".join(amounts)


def _measure(match: re.Match[str]) -> str:
    low, high, unit = match[1], match[2], UNITS_EN[match[3]]
    if high:
        return f"{number(low)} to {number(high)} {unit[1]}"
    return _several(number(low), *unit)


def _degrees(match: re.Match[str]) -> str:
    low, high = match[1], match[2]
    amount = f"{number(low)} to {number(high)}" if high else number(low)
    scale = {"C": " Celsius", "F": " Fahrenheit", "K": " Kelvin"}.get(match[3] or "", "")
    return _several(amount, "degree", "degrees") + scale


def _telephone(match: re.Match[str]) -> str:
    groups = [group for group in re.split(r"[^\d]+", match[0]) if group]
    plus = "plus " if match[0].lstrip()[0] == "+" else ""
    return plus + ", ".join(digits(group) for group in groups)


def _spelled(match: re.Match[str]) -> str:
    """Mail addresses and domains: dot, at, dash, underscore."""
    spoken = re.sub(r"\d+", lambda run: f" {digits(run[0])} ", match[0])
    for sign, word in ((".", "dot"), ("@", "at"), ("-", "dash"), ("_", "underscore"), ("+", "plus")):
        spoken = spoken.replace(sign, f" {word} ")
    return " ".join(spoken.split())


def _version(match: re.Match[str]) -> str:
    prefix = "version " if match[1] else ""
    return prefix + " point ".join(cardinal(part) for part in match[2].split("."))


def _in_pairs(hundreds: str, rest: str) -> str:
    """747 is seven forty seven, 204 two oh four, 200 two hundred."""
    tail = "hundred" if rest == "00" else f"oh {cardinal(rest[1])}" if rest[0] == "0" else cardinal(rest)
    return f"{cardinal(hundreds)} {tail}"


def _integer(match: re.Match[str]) -> str:
    """Years from 1700 to 2099 are read as such where they stand alone."""
    written = match[0]
    if re.fullmatch(r"(?:1[789]|20)\d\d", written):
        return year(written)
    return number(written)


_HALF = r"\s?([aApP])\.?[mM]\b\.?"
RULES: list[Rule] = [
    rule(MAIL, _spelled),
    rule(
        r"(?<![A-Za-z0-9.-])[A-Za-z][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)*\.(?:com|org|net|io|edu|gov|co\.uk)(?![A-Za-z0-9])",
        _spelled,
    ),
    (_TITLE, _title),
    rule(r"\bSt\.(?=\s([A-Z])|)", _saint),
    rule(r"\bNo\.\s?(?=\d)", lambda m: "Number "),
    rule(r"(?<!\w)#\s?(?=\d)", lambda m: "number "),
    rule(rf"\b{_MONTH}\s(\d{{1,2}})(?:st|nd|rd|th)?(?![\d:])(?:,?\s{_YEAR}\b)?", lambda m: _day(m[1], m[2], m[3])),
    rule(
        rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)?{_MONTH}(?:,?\s{_YEAR}\b)?",
        lambda m: f"{ordinal(m[1])} of {_MONTH_OF[m[2]]}" + (f", {year(m[3])}" if m[3] else ""),
    ),
    rule(rf"\b{_MONTH}\s{_YEAR}\b", lambda m: f"{_MONTH_OF[m[1]]} {year(m[2])}"),
    rule(
        rf"(?<![\d/.-]){_YEAR}[-/](\d{{1,2}})[-/](\d{{1,2}})(?![\d/-])", lambda m: _numeric_date(m[0], m[2], m[3], m[1])
    ),
    rule(rf"(?<![\d/.-])(\d{{1,2}})/(\d{{1,2}})/{_YEAR}(?![\d/-])", lambda m: _numeric_date(m[0], m[1], m[2], m[3])),
    rule(rf"(?<![\w-]){_YEAR}{_TO}{_YEAR}(?![\w-])", lambda m: f"{year(m[1])} to {year(m[2])}"),
    rule(rf"(?<![\w.]){_YEAR}'?s\b", lambda m: plural(year(m[1]))),
    rule(r"(?<!\w)'?(\d)0'?s\b", lambda m: plural(cardinal(f"{m[1]}0")) if m[1] not in "01" else f"{m[1]}0s"),
    rule(
        rf"\b((?:[Ii]n|[Ss]ince|[Uu]ntil|[Yy]ear|[Ff]rom|[Bb]y|[Oo]f|[Cc]irca)\s){_YEAR}(?![\w,]|\.\d)(?!\s(?:people|men|women|words|of)\b)",
        lambda m: m[1] + year(m[2]),
    ),
    rule(r"(?<![\d:])(\d{1,2}):(\d\d)\s?[-–—~]\s?(?=\d{1,2}:\d\d)", lambda m: f"{clock(m[1], m[2], None)} to "),
    rule(rf"(?<![\d:])(\d{{1,2}}):(\d\d)(?::(\d\d))?(?:{_HALF})?(?![\d:])", _time),
    rule(rf"(?<![\w.:])(\d{{1,2}}){_HALF}(?!\w)", lambda m: f"{cardinal(m[1])} {m[2].upper()} M" + _full_stop(m)),
    rule(r"\b([ap])\.m\.", lambda m: f"{m[1].upper()} M"),
    rule(r"\b24/7\b", lambda m: "twenty four seven"),
    rule(r"(?<![\w.])(\d)['′](\d{1,2})[\"″]?(?!\w)", lambda m: f"{cardinal(m[1])} foot {cardinal(m[2])}"),
    rule(r"(?<!\w)\+\d{1,3}(?:[ -]\d{2,4}){2,4}(?![\w-])", _telephone),
    rule(r"(?<![\w.$-])\+?\d{0,3}[-. ]?\(\d{3}\)\s?\d{3}[-. ]\d{4}(?![\d-])", _telephone),
    rule(
        r"(?<![\w.$-])(?:\+?\d{1,3}[-. ])?\d{3}[-. ]\d{3}[-. ]\d{4}(?![\d-])|(?<![\w.$-])\d{3}-\d{4}(?![\w-])",
        _telephone,
    ),
    rule(
        rf"(US\$|[$£€¥￥₩])\s?({_N}){_TO}\1?({_N}){_SCALE}", lambda m: f"{number(m[2])} to {_money(m[1], m[3], m[4])}"
    ),
    rule(rf"[-−](US\$|[$£€¥￥₩])\s?({_N}){_SCALE}", lambda m: f"minus {_money(m[1], m[2], m[3])}"),
    rule(rf"(US\$|[$£€¥￥₩])\s?({_N}){_SCALE}", lambda m: _money(m[1], m[2], m[3])),
    rule(rf"{_FREE}({_N})\s?(USD|EUR|GBP|RMB)\b", lambda m: _money(m[2], m[1], None)),
    rule(
        rf"({_SIGNED})%?(?:{_TO}({_N}))?\s?%",
        lambda m: number(m[1]) + (f" to {number(m[2])}" if m[2] else "") + " percent",
    ),
    rule(rf"({_SIGNED})(?:{_TO}({_N}))?\s?°\s?([CFK]\b)?", _degrees),
    rule(rf"({_SIGNED})(?:{_TO}({_N}))?\s?(?:℃)", lambda m: _several(number(m[1]), "degree", "degrees") + " Celsius"),
    rule(rf"({_SIGNED})(?:{_TO}({_N}))?[\s-]?({_UNIT})(?![\w/²³])(?!\s(?:[Tt]he|19|20|a)\b)", _measure),
    rule(
        r"(?<![\w./])(\d+)\s(\d{1,3})/(\d{1,3})(?![\w/])",
        lambda m: f"{cardinal(m[1])} and " + fraction(m[2], m[3]).replace("one half", "a half"),
    ),
    rule(
        r"(?<![\w./])(\d{1,3})/(\d{1,3})(?![\w/])",
        lambda m: fraction(m[1], m[2]) if int(m[2]) > 1 else f"{cardinal(m[1])} {cardinal(m[2])}",
    ),
    rule(r"(?<![\w.,])(\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)\b", lambda m: ordinal(m[1])),
    rule(r"\b([Vv]\.?|[Vv]er\.)\s?(\d+(?:\.\d+)*)(?![\w])", _version),
    rule(r"(?<![\w.])()(\d+(?:\.\d+){2,})(?![\w])", _version),
    rule(rf"\b(?P<what>{_NUMBERED})\s(?P<roman>[IVXL]+)\b", lambda m: f"{m['what']} {cardinal(roman(m['roman']))}"),
    rule(
        rf"\b(?P<who>{_RULERS})\s(?P<roman>[IVX]{{2,}}|[VX]|I(?=[,.;:!?)]|$|\s(?:of|was|and|in|is)\b))\b(?!')",
        lambda m: f"{m['who']} the {ordinal(roman(m['roman']))}",
    ),
    rule(r"(?<![\w.])(\d+)\s?[-−]\s?(?=\d+\s?=)", lambda m: f"{cardinal(m[1])} minus "),
    rule(
        r"\b(Boeing|Airbus|Flight|Room|Route|Highway)\s(\d)(\d\d)(?!\d)",
        lambda m: f"{m[1]} {_in_pairs(m[2], m[3])}",
    ),
    rule(rf"(?<![\w.,$])({_N}){_TO}({_N})(?![\w-]|[.,]\d)", lambda m: f"{number(m[1])} to {number(m[2])}"),
    rule(rf"{_FREE}(\d+)\s?:\s?(\d+)(?!\w)", lambda m: f"{cardinal(m[1])} to {cardinal(m[2])}"),
    rule(rf"(?<![\w.])({_N})\s?([+×xX*÷=<>≥≤≈≠±])\s?(?=[-−]?\d)", lambda m: f"{number(m[1])} {_MARKS[m[2]]} "),
    rule(r"(?<![\w.])(\d+)\s[-−]\s(?=\d)", lambda m: f"{cardinal(m[1])} minus "),
    rule(r"\s?([=<>≥≤≈≠±×÷])\s?(?=[-−]?\d)", lambda m: f" {_MARKS[m[1]]} "),
    rule(r"(?<![\w)])[-−](?=\d)", lambda m: "minus "),
    rule(r"(?<!\w)\+(?=\d)", lambda m: "plus "),
    rule(r"\b([A-Za-z]+)-(?=\d)", lambda m: f"{m[1]} "),
    rule(rf"(?<![\w.])({_N})([kK])\b", lambda m: f"{number(m[1])} {'thousand' if m[2] == 'k' else 'K'}"),
    rule(r"(?<![\w.])\.(\d+)", lambda m: "point " + digits(m[1])),
    rule(r"(?<=[A-Za-z])\d{1,3}(?!\d)", lambda m: f" {cardinal(m[0])} "),
    rule(r"(?<=[A-Za-z])\d{4,}", lambda m: f" {digits(m[0])} "),
    rule(r"(?<![\w.])(\d+)-(?=[A-Za-z])", lambda m: f"{_integer(re.match('.+', m[1]) or m)} "),
    rule(rf"(?:{_N})(?=[A-Za-z])", lambda m: f"{number(m[0])} "),
    rule(_N, _integer),
    rule(r"\s?&\s?", lambda m: " and "),
    rule(r"(?<=\w)\+{1,2}(?!\w)", lambda m: " plus" * len(m[0])),
    rule(r"(?<=\w)\s?@\s?(?=\w)", lambda m: " at "),
    rule(r"(?<=[A-Za-z])/(?=[A-Za-z])", lambda m: " "),
    rule(
        r"\b((?:[A-Z]\.){2,})(?=(\s[a-z])|,|;|\?|!|(\s[A-Z])|$)",
        lambda m: " ".join(m[1].replace(".", "")) + ("" if m[2] or m.string[m.end() : m.end() + 9].strip() else "."),
    ),
]
