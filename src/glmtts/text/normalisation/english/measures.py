"""English percentages, degrees and measures with any unit: 5-10%, 40°42′N, 3.2 cm², 5 ft 9 in, 3x4 m."""

import re

from glmtts.text.normalisation.english.attributes import NO_NOUN, attributive
from glmtts.text.normalisation.rules import AMOUNT, Rule, is_inch
from glmtts.text.normalisation.units import WRITTEN, unit_of
from glmtts.text.numbers_en import cardinal, number

FREE = r"(?<![\w./])(?<!\d,)"
SIGNED = rf"{FREE}[-−+±]?(?:{AMOUNT})"
TO = r"\s?(?:[-–—~]|\bto\b)\s?"
_COMPASS = {"N": "north", "S": "south", "E": "east", "W": "west"}
_SCALES = {
    "C": " Celsius",
    "F": " Fahrenheit",
    "K": " Kelvin",
    "N": " north",
    "S": " south",
    "E": " east",
    "W": " west",
}


_WEIGHING = re.compile(r"\b(?:weigh(?:s|ed|ing)?|lo(?:st|ses?|sing)|gain(?:s|ed|ing)?|weight of) (?:\w+ ){0,2}$")
_BRITISH_SCALES = {"m": "million", "b": "billion", "t": "trillion"}
_HEAVIEST = 40  # stone; 42st is a street
# What is counted in millions; of these nouns none has a length.
_COUNTED = (
    r"(?:people|men|women|children|kids|adults|families|households|homes|houses|jobs|users|customers|subscribers|followers|"
    r"members|fans|viewers|listeners|readers|visitors|tourists|passengers|players|students|pupils|teachers|workers|employees|"
    r"patients|voters|votes|migrants|refugees|residents|citizens|pensioners|taxpayers|drivers|owners|shoppers|accounts|views|"
    r"downloads|streams|plays|likes|clicks|hits|visits|searches|tweets|posts|messages|emails|copies|records|books|albums|"
    r"barrels|tonnes|tons|vehicles|cars|phones|units|doses|tests|cases|deaths|infections|meals|trips|shares|dollars|pounds|"
    r"euros|years|lives|victims|animals|birds|cattle|sheep|babies|births|tickets|items|orders|sales|transactions)"
)
_SORT = (
    r"(?:(?:more|new|extra|other|additional|active|daily|monthly|weekly|unique|registered|paying|young|older|working|poor|"
    r"hungry|unemployed|British|American|Chinese|Indian|European|online|paid|total|fewer|of the|of its|of their) ){0,2}"
)
_MILLIONS = re.compile(rf"\s{_SORT}(?:{_COUNTED}|[A-Z][a-z]+(?:ans|ons|ese))\b")


def several(amount: str, one: str, many: str) -> str:
    """one dollar, two dollars."""
    return f"{amount} {one if amount in ('one', 'minus one') else many}"


def _is_abbreviation(match: re.Match[str]) -> bool:
    """500 ML and 500 ML of water are milliliters, 5 ML engineers none."""
    after = re.match(r" ([a-z]+)", match.string[match.end() : match.end() + 16])
    return match["unit"] == "ML" and match["gap"] == " " and after is not None and after[1] not in NO_NOUN


def _millions(match: re.Match[str]) -> str:
    """3m views and 2-3m people are millions; 3m poles are as long."""
    if not _MILLIONS.match(match.string[match.end() :][:48]):
        return match[0]
    low = f"{number(match['low'])} to " if match["low"] else ""
    return f"{low}{number(match['high'])} million"


def _measure(match: re.Match[str]) -> str:
    low, high, gap, written = match["low"], match["high"], match["gap"], match["unit"]
    unit = unit_of(written, glued=(not gap.strip("-") and not gap.isspace()) or gap == "-")
    if unit is None or _is_abbreviation(match):
        return match[0]
    # a hyphen makes it one, whatever follows: a 64-bit CPU, a 4-yr, $36M deal, a (14.5-oz.) can
    many = unit.one if gap == "-" or attributive(match) else unit.many
    if high:
        return f"{number(low)} to {number(high)} {many}"
    return several(number(low), unit.one, many)


def _stones(match: re.Match[str]) -> str:
    """18st is eighteen stone, since no ordinal ends so; 21st is one, but not before pounds or after "weighs"."""
    amount, ends_in_one = match["amount"], re.search(r"(?<!1)1$", match["amount"])
    before = match.string[max(0, match.start() - 24) : match.start()]
    goes_on = re.match(r"\s[a-z]", match.string[match.end() :][:2])
    weighed = _WEIGHING.search(before) and not (ends_in_one and goes_on)
    if not match["pounds"] and not weighed and (ends_in_one or match["gap"] or float(amount) > _HEAVIEST):
        return match[0]
    pounds = f" {several(number(match['pounds']), 'pound', 'pounds')}" if match["pounds"] else ""
    return f"{number(amount)} stone{pounds}"


def _degrees(match: re.Match[str]) -> str:
    low, high = match["low"], match["high"]
    amount = f"{number(low)} to {number(high)}" if high else number(low)
    scale = _SCALES.get(match["scale"] or "", "")
    return several(amount, "degree", "degree" if attributive(match) else "degrees") + scale


def _angle(match: re.Match[str]) -> str:
    """40°42′51″N is forty degrees forty two minutes fifty one seconds north."""
    spoken = several(number(match[1]), "degree", "degrees") + " " + several(number(match[2]), "minute", "minutes")
    if match[3]:
        spoken += " " + several(number(match[3]), "second", "seconds")
    return spoken + (f" {_COMPASS[match[4]]}" if match[4] else "")


def _feet_and_inches(match: re.Match[str]) -> str:
    if attributive(match):  # a 6ft 5in man
        return f"{cardinal(match[1])} foot {number(match[2])} inch"
    feet = several(cardinal(match[1]), "foot", "feet")
    return f"{feet} {several(number(match[2]), 'inch', 'inches')}"


def _marked_sides(match: re.Match[str]) -> str:
    """8.5"x11" paper and a 2'x4' board have one unit, unless their marks differ."""
    marks = [mark for mark in match.group("mark1", "mark2", "mark3") if mark]
    names = ["foot" if mark in "'′" else "inch" for mark in marks]
    one = names[-1]
    many = "feet" if one == "foot" else "inches"
    said = [number(side) for side in match.group("one", "two", "three") if side]
    if len(set(names)) > 1:
        return match[0]
    noun = re.match(r"\s[a-z]+", match.string[match.end() :][:16])
    return f"{' by '.join(said)} {one if noun and noun[0].strip() not in NO_NOUN else many}"


# What has sides, in the singular or plural.
_SIDED = re.compile(r"[ -](?:relay|tin|pan|tray|board|panel|frame|plot|grid|rug|sheet|tile|box)s?\b")


def _sides(match: re.Match[str]) -> str:
    """3 x 4 m is three by four meters."""
    sides = [part.strip() for part in re.split(r"[xX×*]", match["sides"])]
    unit = unit_of(match["unit"], glued=True)
    plain = [re.sub(r"\s?[A-Za-z]+$", "", side) for side in sides]
    # the 4x100m relay, a 20x30 cm tin: before its noun the last unit is one
    noun = _SIDED.match(match.string[match.end() :][:8])
    one = unit and (noun or attributive(match))
    return " by ".join(number(side) for side in plain) + f" {unit.one if one else unit.many}" if unit else match[0]


def _shared(match: re.Match[str]) -> str:
    """30 miles/gallon, 3 times/week, 50 people/km²."""
    # what is shared is looked up below a slash only, so a gram is lent above it and taken off again
    unit = unit_of("g/" + match["share"], glued=True)
    return match["what"] + unit.one.removeprefix("gram") if unit else match[0]


_TYPE = (
    r"(?:fonts?|type|typeface|text|lettering|letters|headings?|headlines?|bold|italic|Times|Arial|Helvetica|Courier|"
    r"Calibri|Cambria|Garamond|Georgia|Verdana|Futura)"
)


def _points(match: re.Match[str]) -> str:
    """12pt before a font is twelve point, after it (font size 12pt) twelve points; else it is of pints."""
    if match[0].endswith("ts"):
        return several(number(match[1]), "point", "points")
    if re.match(rf"[ -]{_TYPE}\b", match.string[match.end() :][:12]):
        return f"{number(match[1])} point"
    before = re.split(r"[.!?;]\s", match.string[max(0, match.start() - 24) : match.start()])[-1]
    return several(number(match[1]), "point", "points") if re.search(r"\b[Ff]ont|[Tt]ypeface", before) else match[0]


def _basis_points(match: re.Match[str]) -> str:
    """Rates move by 25 bps; a modem's are bits."""
    if re.search(r"modem|baud|bandwidth|link|connection", match.string[max(0, match.start() - 30) : match.end() + 16]):
        return match[0]
    return f"{number(match[1])} to {number(match[2])} basis points" if match[1] else f"{number(match[2])} basis points"


def _percentage_points(match: re.Match[str]) -> str:
    """Shares move by 0.4pp; without a point or a move before it, 12pp may be pages."""
    before = match.string[max(0, match.start() - 8) : match.start()]
    moved = "." in match[1] or re.search(r"\b(?:by|up|down|rose|fell|grew)\s$", before)
    many = "percentage point" if attributive(match) else "percentage points"
    return several(number(match[1]), "percentage point", many) if moved else match[0]


def _percent_in_letters(match: re.Match[str]) -> str:
    """Up 0.8pc or 3pc; a 3pc suite has pieces."""
    before = match.string[max(0, match.start() - 8) : match.start()]
    risen = re.search(r"(?:^|[^\w.,])(?:by|up|down|at|to|rose|fell|grew)\s$", before)
    point = "." in match[1] and not re.search(r"[\w.,]$", before)
    return f"{number(match[1])} percent" if point or risen else match[0]


def _of_screen(match: re.Match[str]) -> bool:
    """Whether inches are those of a screen or device that is written in capitals: a 65" TV, 6.7" OLED panel."""
    return (
        re.match(r"\s(?:[Q8]?LED|(?:AM)?OLED|LCD|IPS|[FQU]?HD|[48]K|TVs?|HDTVs?|Retina)\b", match.string[match.end() :])
        is not None
    )


def _percent(match: re.Match[str]) -> str:
    low, high, sign = match["low"], match["high"], match["sign"]
    said = {"%": "percent", "‰": "per mille", "‱": "basis points"}[sign]
    return number(low) + (f" to {number(high)}" if high else "") + f" {said}"


RULES: list[Rule] = [
    # the same heat on two scales, which a stroke would join to one word: 180°C/350°F
    Rule(r"(?<=°[CF])\s?/\s?(?=\d)", lambda m: ", ", needs="°"),
    Rule(rf"(?P<low>{SIGNED})\s?[%‰]?(?:{TO}(?P<high>{AMOUNT}))?\s?(?P<sign>[%‰‱])", _percent),
    Rule(
        rf"{FREE}(?:(\d{{1,3}}){TO})?(\d{{1,3}}(?:\.\d+)?)[\s-]?bps\b",
        _basis_points,
        needs="bps",
    ),
    Rule(rf"({SIGNED})[\s-]?pp\b", _percentage_points, needs="pp"),
    # before the units, to which an m is a meter
    Rule(rf"{FREE}(?:(?P<low>{AMOUNT})m?{TO})?(?P<high>{AMOUNT})m\b", _millions, needs="m"),
    Rule(
        rf"{FREE}(?:(?P<low>{AMOUNT})(?:[mb]n)?{TO})?(?P<high>{AMOUNT})\s?(?P<scale>[mbt])n\b",
        lambda m: f"{number(m['low']) + ' to ' if m['low'] else ''}{number(m['high'])} {_BRITISH_SCALES[m['scale']]}",
        needs="n",
    ),
    # before the ordinals (general.py): 18st, 9st 7lb, 12 st 4 lb
    Rule(
        r"(?<![\w.,$£€/-])(?P<amount>\d{1,2}(?:\.\d)?)(?P<gap>\s?)st\b(?!\s(?:Street|St|Ave))"
        r"(?:\.?,?\s?(?P<pounds>\d{1,2}(?:\.\d)?)\s?lbs?\b)?",
        _stones,
        needs="st",
    ),
    # a scale without a number: temperature in °C
    Rule(r"(?<!\d\s)(?<![\w°])°\s?([CF])\b", lambda m: f"degrees{_SCALES[m[1]]}", needs="°"),
    Rule(r"(?<![\w.])(\d{1,3})°\s?(\d{1,2})[′'](?:\s?(\d{1,2}(?:\.\d+)?)[″\"])?\s?([NSEW]\b)?", _angle, needs="°"),
    Rule(
        rf"(?P<low>{SIGNED})(?:\s?°?[CF]?{TO}(?P<high>[-−+]?{AMOUNT}))?\s?°(?:\s?(?P<scale>[CFKNSEW])\b)?(?![′'\d])",
        _degrees,
        needs="°",
    ),
    Rule(r"(?<![\w.])(\d{1,3}(?:\.\d)?)[\s-]?pts?\b(?!\.?\sof\b)(?!\.\s[a-z])", _points, needs="pt"),
    # of a recipe, where the stop ends nothing: 1 pt. cream
    Rule(r"(?<=\d)\s(?:pt\.(?=\s[a-z])|pts?\.?(?=\sof\b))", lambda m: "pt", needs="pt"),
    # British newspapers have no sign for it: up 0.8pc
    Rule(r"(\d+(?:\.\d+)?)\s?pc\b", _percent_in_letters, needs="pc"),
    # two marks of feet are one of inches: 6' 2''
    Rule(r"(?<=\d)(?:''|′′)(?!\w)", lambda m: '"'),
    Rule(
        rf"(?<![\w.])(?P<one>{AMOUNT})(?P<mark1>[\"″'′])\s?[xX×]\s?(?P<two>{AMOUNT})(?P<mark2>[\"″'′])"
        rf"(?:\s?[xX×]\s?(?P<three>{AMOUNT})(?P<mark3>[\"″'′]))?(?!\w)",
        _marked_sides,
    ),
    # feet and inches before inches alone, which leave the feet behind: 5'11"
    Rule(
        r"(?<![\w.])(\d{1,2})['′]\s?(\d{1,2}(?:\.\d)?)[\"″”](?!\w)", lambda m: f"{cardinal(m[1])} foot {number(m[2])}"
    ),
    # before such a word the mark is of feet, elsewhere it may close a quotation
    Rule(r"(?<![\w.])(\d{1,2})['′](?=\s(?:tall|high|long|wide|deep|thick)\b)", lambda m: f"{cardinal(m[1])} feet"),
    Rule(r"(?<![\w.])(\d)['′](\d{1,2})(?![\w\"″])", lambda m: f"{cardinal(m[1])} foot {cardinal(m[2])}"),
    Rule(
        # "in" before another word is none of inches: it grew 6 ft 2 in the sun
        r"(?<![\w.])(\d{1,2})\s?(?:ft|foot|feet)\.?,?\s?(\d{1,2}(?:\.\d)?)\s?"
        r"(?:inch(?:es)?\b|(?<=\d)in\b|in\b(?:(?!\.?\s[a-z])|(?=\.?\s(?:tall|high|long|wide|deep|thick|and|or|by|x)\b)))(?:\.(?=\s?[a-z,;]))?",
        _feet_and_inches,
    ),
    Rule(
        rf"(?<![\w.])({AMOUNT})\s?[\"″](?=\s|[,.;:)]|$)",
        lambda m: (
            several(number(m[1]), "inch", "inch" if _of_screen(m) or attributive(m) else "inches")
            if is_inch(m)
            else m[0]
        ),
    ),
    # as an exponent, which the units know: 300 sq ft is 300 ft^2
    Rule(r"(?<=\d)\s?(sq|cu)\.?\s?(ft|in|mi|yd|m|km)\b\.?", lambda m: f" {m[2]}^{2 if m[1] == 'sq' else 3}"),
    # the unit and no end of a sentence: 2 in. of rain
    Rule(
        r"(?<=\d)[ -]in\.(?=\s(?:pan|tin|dish|pot|pie|plate|skillet|screen|pipe|nail|board)\b)",
        lambda m: "-inch",
        needs="in.",
    ),
    Rule(r"(?<=\d) in\.(?=\s(?:of|by|long|wide|thick|tall|deep|x)\b|,)", lambda m: "in", needs="in."),
    Rule(rf"(?<=\d )(?P<what>[a-z]{{3,}}s|people)\s?/\s?(?P<share>{WRITTEN})(?![\w/^])", _shared),
    # inches without a unit: 5ft10
    Rule(r"(?<![\w.])(\d{1,2})ft(\d{1,2})(?![\w.])", lambda m: f"{cardinal(m[1])} foot {cardinal(m[2])}"),
    # The minute of a match: in the 90+3' minute.
    Rule(r"(?<=\d)['′](?=\s(?:minute|min)\b)", lambda m: ""),
    # two abbreviations for one unit: 16 fl. oz.
    Rule(r"(?<=\d)\s?fl\.?\s?oz\b\.?", lambda m: " fluid ounces", needs="fl"),
    Rule(
        rf"{FREE}(?P<sides>{AMOUNT}\s?(?:[a-z]{{1,2}})?(?:\s?[xX×*]\s?{AMOUNT}\s?(?:[a-z]{{1,2}})?){{1,2}}(?<=\d))[\s-]?(?P<unit>mm|cm|m|km|ft|in|px|inch)\b",
        _sides,
    ),
    # a span says its unit once: 10kg-15kg is ten to fifteen kilograms
    Rule(
        rf"{FREE}({AMOUNT})\s?(?P<same>{WRITTEN})\s?(?:[-–—~]|to)\s?(?={AMOUNT}\s?(?P=same)(?![\w/^]))",
        lambda m: f"{m[1]}-" if unit_of(m["same"], True) else m[0],
    ),
    # revolutions, which have no letter among the units
    Rule(r"(?<=\d)\s?r/min\b", lambda m: " rpm", needs="r/min"),
    # Spans of two units: 20 Hz–20 kHz.
    Rule(
        rf"{FREE}({AMOUNT}\s?(?P<one>{WRITTEN}))\s?[-–—~]\s?(?={AMOUNT}\s?(?P<other>{WRITTEN})(?![\w/^]))",
        lambda m: f"{m[1]} to " if unit_of(m["one"], True) and unit_of(m["other"], True) else m[0],
    ),
    Rule(
        rf"(?P<low>{SIGNED})(?:{TO}(?P<high>{AMOUNT}))?(?P<gap>[\s-]?)(?P<unit>{WRITTEN})(?![\w^]|/[A-Za-z])(?!\.\w)(?P<dot>\.(?=\s[a-z]|[),]))?",
        _measure,
    ),
]
