"""Numbers that name something and are read by their digits: telephones, codes, rooms, roads, versions."""

import re

from glmtts.text.normalisation.chemistry import FORMULA, HYDRATE, ION, SALT, ion, letters
from glmtts.text.normalisation.rules import COLOUR, Rule
from glmtts.text.numbers_en import cardinal, digits, number, plural, year

_CALL = (
    r"(?:[Cc]all(?:ed|ing)?|[Dd]ial(?:led|ed|ling|ing)?|[Pp]hone|[Rr]ing|[Tt]ext|[Ff]ax|[Hh]otline|"
    r"[Tt]el(?:ephone)?|[Mm]obile|[Cc]ell|[Ww]hats[Aa]pp|TEL|SMS)"
)
_CODED = (
    r"(?:code|codes|Code|CODE|PIN|pin|Pin|ZIP|zip|Zip|[Zz]ipcode|[Zz]ip code|ZIP code|[Pp]ostcode|[Pp]ostal code|"
    r"[Pp]assword|[Pp]asscode|"
    r"[Ee]xtension|ext|OTP|[Aa]ccount|ID|[Ss]erial|[Oo]rder|[Tt]racking|[Ii]nvoice|(?<![Ii]n )[Cc]ase|"
    r"[Tt]icket|[Rr]eference|[Cc]onfirmation|[Mm]odel|"
    r"[Aa]cct\.?|[Aa]cc\.|[Cc]ard|[Ll]icense|[Pp]assport|[Bb]adge|[Cc]ombination|ISBN|SSN|IMEI|SKU|CVV)"
)
# Plural nouns are counted (order 500 units); verbs in -s and these are not (order 1234 ships today).
_COUNTED = re.compile(
    r"\s(?:new |more |extra |other |additional |free |of the )?(?!(?:this|his|its|was|has|does|us|always|yes|across|"
    r"thus|plus|unless|sometimes|perhaps|towards|afterwards|ships|arrives|needs|remains|shows|works|includes|contains|"
    r"requires|expires|closes|starts|begins|goes|comes|costs|ends|gives|opens|belongs|hours|days|minutes)\b)"
    r"(?:[a-z]{2,}[a-rt-z]s|people|men|women|children|more|extra)\b"
)
_PAGED = re.compile(r"\b(?:pages?|pp?\.?|lines?|from|between|rooms?|numbers?|verses?|nos?\.?)\s$", re.IGNORECASE)
_MEASURED = re.compile(r"\s?(?:[a-z]{1,2}\b|%|°|percent|people|words|points|metres|meters|miles|dollars|euros|pounds)")
_IS = r"(?:(?:\s(?:number|no\.|No\.|code))?(?:\s(?:is|was|to|at|on|of)|:|\s?#|\s?=)?\s?)"
_SEP = r"[-. \u2010\u2011]"


def code(written: str) -> str:
    """A code by its digits, zero as oh: six oh six one four."""
    return digits(written).replace("zero", "oh")


def _is_counted(match: re.Match[str]) -> bool:
    """Whether a short number counts what follows: text 100 friends, order 500 units."""
    return len(match[2]) < 5 and _COUNTED.match(match.string[match.end() :][:40]) is not None


def _groups(match: re.Match[str]) -> str:
    """A telephone number: the digits of each group, a pause between groups; trunk numbers of 1300 in hundreds."""
    return ("plus " if match[0].lstrip("(")[:1] == "+" else "") + _groups_of(match[0])


def _groups_of(written: str) -> str:
    groups = re.findall(r"\d+", written)
    return ", ".join(_group(group, len(groups)) for group in groups)


def _group(written: str, groups: int) -> str:
    if groups > 1 and re.fullmatch(r"1[38]00", written):
        return f"{cardinal(written[:1])} {cardinal(written[1])} hundred"
    return digits(written)


def _lettered(match: re.Match[str]) -> str:
    """1-800-FLOWERS."""
    return f"{', '.join(digits(group) for group in re.findall(chr(92) + 'd+', match[1]))}, {match[2]}"


def _book(match: re.Match[str]) -> str:
    """ISBN 0-306-40615-2 by its groups; the X of an old one is a digit, too."""
    groups = [" ".join(filter(None, (digits(part.rstrip("X")), "X" * part.count("X")))) for part in match[2].split("-")]
    return f"{match[1].replace('-', ' ')} {', '.join(groups)}"


def _docket(match: re.Match[str]) -> str:
    """No. 19-1392 is nineteen dash one three nine two; No. 3-5 may be a span."""
    if len(match[2]) < 3 and int(match[1]) < int(match[2]):
        return match[0]
    return f"{cardinal(match[1])} dash {digits(match[2]) if len(match[2]) > 3 else cardinal(match[2])}"


def _after_word(match: re.Match[str]) -> str:
    """Digits after a word that says so; groups apart."""
    if _is_counted(match):
        return match[0]
    return match[1].replace("#", "number ") + ", ".join(code(group) for group in re.findall(r"\d+", match[2]))


def version(written: str) -> str:
    """2.0.1 is two point zero point one; a single point is a decimal: 2.5."""
    parts = written.split(".")
    return number(written) if len(parts) == 2 else " point ".join(cardinal(part) for part in parts)


def _software(match: re.Match[str]) -> str:
    """Minor versions are numbers of their own: Python 3.11 is three point eleven."""
    return match[1] + " point ".join(cardinal(part) for part in match[2].split("."))


_HUNDREDS = {
    2: "tens",
    3: "hundreds",
    4: "thousands",
    5: "tens of thousands",
    6: "hundreds of thousands",
    7: "millions",
}


def _network(match: re.Match[str]) -> str:
    """802.11ac is eight oh two point eleven A C."""
    return f"eight oh two point {cardinal(match[1])} {' '.join(match[2].upper())}".rstrip()


_ENGINES = ("4", "6", "8", "10", "12", "16")


def _version(match: re.Match[str]) -> str:
    """v2.0 is a version, a V8 an engine."""
    engine = match[0][1:] in _ENGINES or re.match(r"\s(?:engine|rocket|motor)", match.string[match.end() :][:8])
    spoken = " point ".join(cardinal(part) for part in match[1].split("."))
    return f"{'V' if match[0][0] == 'V' and engine else 'version'} {spoken}"


def in_pairs(written: str) -> str:
    """747 is seven forty seven, 204 two oh four, 200 two hundred, 1203 twelve oh three."""
    head, rest = written[:-2], written[-2:]
    tail = "hundred" if rest == "00" else f"oh {cardinal(rest[1])}" if rest[0] == "0" else cardinal(rest)
    return f"{cardinal(head)} {tail}"


def _aircraft(match: re.Match[str]) -> str:
    """787-9 and 737-800 are aircraft; pages 737-800, or what is weighed or paid, go from one number to the other."""
    before, after = match.string[max(0, match.start() - 12) : match.start()], match.string[match.end() :]
    maker, model, variant, ending = match.groups()
    rising = not maker and int(model) < int(variant)
    if rising and (_PAGED.search(before) or _MEASURED.match(after)):
        return match[0]
    said = plural(cardinal(variant)) if ending == "s" else " ".join([cardinal(variant), *(ending or "")])
    return f"{maker.strip() + ' ' if maker else ''}{in_pairs(model)} {said}"


def _long(match: re.Match[str]) -> str:
    """Ten digits and more without commas are a number of a thing, unless they are round."""
    written = match[0]
    return cardinal(written) if written.endswith("000000") and len(written) <= 15 else digits(written)


def _formula(match: re.Match[str]) -> str:
    """Letters and numbers of a chemical formula: CO2 is C O two, Fe2O3 F E two O three."""
    return _by_letters(match[0])


def _by_letters(written: str) -> str:
    return " ".join(cardinal(part) if part.isdigit() else part for part in letters(written))


def _ion(match: re.Match[str]) -> str:
    """Cl- is C L minus, SO42- S O four two minus."""
    written, charge, positive = ion(match)
    # of one element without a figure the name stays: Ca two plus
    name = _by_letters(written) if len(written) > 2 or not positive else written
    return f"{name}{f' {cardinal(charge)}' if charge else ''} {'plus' if positive else 'minus'}"


def _hexadecimal(written: str) -> str:
    return " ".join(digits(sign) if sign.isdigit() else sign.upper() for sign in written)


_SERVICES = "911|999|112|411|511|311|211|988|101|111|811|611|711|000"
RULES: list[Rule] = [
    Rule(COLOUR, lambda m: f"hash {_hexadecimal(m[0][1:])}", needs="#"),
    # an extension, else the x is times: (212) 555-0100 x123
    Rule(r"(?<=\d{3}[-. ]\d{4})\s?x\s?(?=\d{2,5}\b)", lambda m: " extension "),
    # Airports with a short dash between them: LHR–JFK.
    Rule(r"(?<![\w–-])([A-Z]{3})–(?=[A-Z]{3}(?![\w–-]))", lambda m: f"{m[1]} to "),
    # The number of a case or a law is no span: No. 19-1392.
    Rule(r"(?<=\bNumber )(\d{1,4})-(\d{1,5})(?![\w-]|\.\d)", _docket, needs="-"),
    # the full stop in 2.0.0-rc.1 would stay one
    Rule(r"(?<=-)(alpha|beta|rc|pre|dev|preview|canary)\.(?=\d)", lambda m: f"{m[1]} ", needs="-"),
    Rule(r"(?<=\d)\.x\b", lambda m: " point x"),
    # alone 737 is a number; these words make an aircraft of it
    Rule(r"(?<![\w.$-])(7[0-8]7)(?=\s(?:MAX|Max|jets?|aircraft|Dreamliner|airliner)\b)", lambda m: in_pairs(m[1])),
    # What a name holds between hyphens is no span: Llama-3-8B.
    Rule(r"(?<=[A-Za-z]-)(\d{1,3})-(?=\d{1,4}[A-Z])", lambda m: f"{cardinal(m[1])} "),
    # without such a word CO may be a state: Denver, CO
    Rule(r"(?<![A-Za-z])CO(?=\s(?:levels?|poisoning|alarms?|detectors?|emissions?|gas)\b)", lambda m: "C O"),
    # else the brackets are pauses: 401(k)
    Rule(r"(?<![\w.])(401|403|457)\s?\(([abk])\)", lambda m: f"{code(m[1])} {m[2]}", needs="("),
    # 401k views are thousands
    Rule(r"(?<![\w.,$])401k\b(?!\s(?:views|users|people|followers))", lambda m: "four oh one k"),
    # between figures an x is by: 0x1F
    Rule(r"(?<!\w)0[xX]([0-9A-Fa-f]{1,16})(?!\w)", lambda m: f"zero x {_hexadecimal(m[1])}"),
    Rule(r"(?<![\w.])(480|720|1080|1440|2160|4320)([pi])\b", lambda m: f"{in_pairs(m[1])} {m[2]}"),
    Rule(
        r"(?<=\bForm )(1\d{3}|8\d{3})(?![\w-]|[.,]\d|\s[a-z]+s\b)|"
        r"(?<![\w.,$])(1099|1040|1098)(?=[\s-](?:form|tax)\b)",
        lambda m: in_pairs(m[0]),
    ),
    Rule(HYDRATE, lambda m: ", "),
    # ions before formulas: SO42- has four and two, not forty two
    Rule(ION, _ion),
    Rule(FORMULA, _formula),
    Rule(SALT, _formula),
    Rule(r"\b(1?-?[89]\d\d-)([A-Z]{2,8}(?:-[A-Z]+)*)\b", _lettered),
    # seven digits and more: odds of +130 are no telephone
    Rule(
        r"(?<!\w)(?=\+(?:[ .()-]{0,2}\d){7})\+\d{1,3}(?:[ -]?\(0\))?(?:[ .-]?(?:\(\d{1,4}\)|\d{1,5})){2,6}(?![\w-])|"
        r"(?<!\w)\+\d{8,15}(?!\w)",
        _groups,
        needs="+",
    ),
    # an area code in brackets is no number between two pauses: (212) 555-0187
    Rule(rf"(?<![\w.$-])(?:\d{{1,3}}{_SEP})?\(\d{{2,4}}\)\s?\d{{3,4}}[-. ]\d{{4}}(?![\d-])", _groups),
    Rule(
        rf"(?<![\w.$-])(?:\d{{1,3}}{_SEP})?\d{{3}}([-. ])\d{{3}}\1\d{{4}}(?![\d-])|(?<![\w.$-])"
        rf"\d{{3}}-\d{{4}}(?![\w-])",
        _groups,
    ),
    # groups parted by blanks are no numbers of their own: 0800 123 456, 1300 655 506
    Rule(r"(?<![\w.$-])(?:1[38]00|0[38]00|0[1-9]\d{1,3})[ -]\d{2,4}(?:[ -]\d{2,4}){0,2}(?![\w-])", _groups),
    # a number of social security, 123-45-6789, and one of a card in groups of four
    Rule(r"(?<![\w.-])\d{3}-\d{2}-\d{4}(?![\w-])|(?<![\w.-])\d{4}([- ])\d{4}\1\d{4}\1\d{1,4}(?![\w-])", _groups),
    # of China and of British mobiles: 010-62345678, 07700 900123
    Rule(r"(?<![\w.-])0\d{2,3}-\d{7,8}(?![\w-])|(?<![\w.$-])0\d{4}[ -]\d{6}(?![\w-])", _groups),
    Rule(r"\b(ISBN(?:-1[03])?|ISSN):?\s([\dX]{1,7}(?:-[\dX]{1,7}){1,4})(?![\w-])", _book, needs="IS"),
    # what is dialled first, by itself no span: a 1-800 number
    Rule(r"(?<![\w.-])1-([89])00(?![\w-])", lambda m: f"one {cardinal(m[1])} hundred"),
    # an ISBN without its name: 978-0-306-40615-7
    Rule(r"(?<![\w.-])97[89][- ]\d{1,5}[- ]\d{1,7}[- ]\d{1,7}[- ][\dX](?![\w-])", _groups),
    Rule(
        rf"\b({_CALL}(?:\s(?:me|us|him|her|them|the police|now|on|at|number|is|emergency)){{0,3}}:?\s)"
        rf"(\d{{3,6}}(?:[ -]\d{{2,5}}){{0,4}})(?![\w:%-]|[.,]\d|\s(?:times|people|miles))",
        lambda m: m[0] if _is_counted(m) else m[1] + _groups_of(m[2]),
    ),
    Rule(
        r"(?<![\w.,$£€#/-])911(?![\w%,/-]|\.\d|\s[a-z]+s\b|\s(?:people|men|women))|\b(?:999|112)(?=\s(?:call|emergency|operator))",
        lambda m: digits(m[0]),
    ),
    Rule(
        rf"\b({_CODED}{_IS})(\d{{3,12}}(?:[- ]\d{{3,6}}){{0,3}})(?![\w:%]|[.,]\d|\s(?:times|people|dollars|of|"
        rf"words|lines|percent|points))",
        _after_word,
    ),
    # a ZIP code behind its state: IL 62704
    Rule(
        r"\b([A-Z]{2}\s)(\d{5})(?:-(\d{4}))?(?![\w-]|[.,]\d)",
        lambda m: m[1] + code(m[2]) + (f", {code(m[3])}" if m[3] else ""),
    ),
    Rule(
        r"\b(Python |Node |Java |Ubuntu |iOS |macOS |Android |Windows |Linux |[Vv]er(?:sion|\.)? ?)(\d+(?:\.\d+)+)"
        r"(?!\w)",
        _software,
    ),
    # sides of a game, no version: 5v5, 1v1v1
    Rule(
        r"(?<![\w.])\d{1,2}(?:[vV]\d{1,2})+(?!\w|\.\d)",
        lambda m: " V ".join(cardinal(side) for side in re.split("[vV]", m[0])),
    ),
    Rule(
        r"(?<![A-Za-z])[Vv]\.?\s?(\d+(?:\.\d+)*)(?![\w])",
        _version,
    ),
    # else 802.11ac has acres
    Rule(r"(?<![\w.])802\.(\d{1,2})([a-z]{0,2})(?!\w|\.\d)", _network, needs="802."),
    # an s behind a number is of seconds, but not in 1000s of users
    Rule(r"(?<![\w.$£€,-])(10{1,6})s(?=\sof\b)", lambda m: _HUNDREDS[len(m[1])]),
    Rule(r"(?<![\w.$£€,-])(B ?)?(7[0-8]7)-(\d{1,3})(ER|LR|F|s)?(?![\w-]|[.,:]\d)", _aircraft),
    Rule(r"\b(A ?)(3[0-9]0)-(\d{3,4})(F|s)?(?![\w-]|[.,:]\d)", _aircraft),
    # nor are three 747s any seconds
    Rule(r"(?<![\w.$£€,-])(7[0-8]7)s\b", lambda m: plural(in_pairs(m[1]))),
    # Several of what a capital and a number name: AK-47s, MP3s, PS5s.
    Rule(r"(?<=[A-Z]-)(\d{1,3})s\b", lambda m: plural(cardinal(m[1]))),
    Rule(r"(?<=[A-Z])(\d{1,3})['’]?s\b", lambda m: f" {plural(cardinal(m[1]))}"),
    # nor is an iPhone 5s five of them
    Rule(r"\b(iPhone|iPad|Nexus|Galaxy|Redmi|Xiaomi|OnePlus) (\d{1,2})s\b", lambda m: f"{m[1]} {cardinal(m[2])} S"),
    # else in is of inches: 3-in-1
    Rule(
        r"(?<![\w.])(\d{1,3})-in-(\d{1,3}(?:,\d{3})*|\d{4,7})(?!\w)",
        lambda m: f"{cardinal(m[1])} in {cardinal(m[2])}",
        needs="-in-",
    ),
    # a span of what has a letter and a number: Q1–Q3
    Rule(r"(?<![\w.-])([A-Z])(\d{1,3})\s?[-–—]\s?(?=\1\d{1,3}(?![\w.-]))", lambda m: f"{m[1]} {cardinal(m[2])} to "),
    # the colon is none of a ratio: ISO 9001:2015
    Rule(
        r"\b(ISO(?:/IEC)?|IEC|IEEE|EN|DIN|BS|JIS|GB(?:/T)?)\s(\d{3,6}(?:-\d{1,2})?)[:-]((?:19|20)\d\d)(?![\w-])",
        lambda m: f"{m[1]} {' '.join(number(part) for part in m[2].split('-'))}, {year(m[3])}",
    ),
    Rule(r"(?<=[A-Za-z])-?(\d+(?:\.\d+)+)(?![\d.]*\d)", lambda m: f" {version(m[1])}"),
    Rule(r"(?<![\w.])(\d+(?:\.\d+){2,})(?![\w])", lambda m: version(m[1])),
    Rule(r"\b([A-GJ])#(?![\w#])", lambda m: f"{m[1]} sharp"),
    Rule(r"(?<!\w)\.NET\b", lambda m: "dot net", needs=".NET"),
    Rule(
        r"\b(Boeing|Airbus|Flight|Room|Rm|Route|Highway|Hwy|Suite|Apartment|Apt|Interstate|Bus|Xbox|RTX|GTX|Ferrari|Porsche|Peugeot|Building|Gate|Level)\s(\d{1,2})(\d\d)(?!\d|[,.]\d)",
        lambda m: f"{m[1]} {in_pairs(m[2] + m[3])}",
    ),
    Rule(r"\b(\d{3})(?=\s(?:area code|error|status|page)\b)", lambda m: code(m[1])),
    Rule(r"(?<![\w.,$£€¥])\d{10,}(?!\w|[,.]\d)", _long),
    # names of scales end at quadrillions (numbers_en.LONGEST)
    Rule(r"\d{19,}", lambda m: digits(m[0])),
]
