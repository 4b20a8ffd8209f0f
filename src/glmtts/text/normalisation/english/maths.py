"""English formulas: powers, comparisons, minus signs, fractions, ratios, products."""

import re

from glmtts.text.normalisation.chemistry import letters
from glmtts.text.normalisation.english import strokes
from glmtts.text.normalisation.english.measures import FREE, TO
from glmtts.text.normalisation.formulas import ABSOLUTE
from glmtts.text.normalisation.rules import AMOUNT, NUMBER, Rule, is_inch
from glmtts.text.normalisation.units import ATOM, WRITTEN, unit_of
from glmtts.text.numbers_en import cardinal, fraction, number, ordinal

_SIGNS = {
    "+": "plus", "-": "minus", "−": "minus", "×": "times", "x": "by", "X": "by", "*": "times", "÷": "divided by",
    "=": "equals", "==": "equals", "<": "is less than", ">": "is greater than", "≥": "is greater than or equal to",
    "≤": "is less than or equal to", ">=": "is greater than or equal to", "<=": "is less than or equal to",
    "≈": "is about", "≠": "is not equal to", "!=": "is not equal to", "<>": "is not equal to", "±": "plus or minus",
    "+/-": "plus or minus", "+-": "plus or minus", "->": "to", "=>": "implies", ":=": "equals", "~=": "is about",
}  # fmt: skip
_ALONE = {"<": "less than", ">": "more than", "<=": "at most", ">=": "at least", "≤": "at most", "≥": "at least"}
_COMPARING = r"<=|>=|==|!=|<>|:=|~=|[<>≥≤≈≠=]"
# Denominators of which a fraction is made; 9/11 and 50/50 are two numbers.
_PARTS = frozenset(("2", "3", "4", "5", "6", "7", "8", "9", "10", "12", "16", "20", "25", "32", "64", "100", "1000"))
# Values of one side of a pair that is said as two numbers: blood pressure is over something.
_PRESSURE = 60
_WHOLE = 100  # percent

_EXPONENT = r"[-−+]?\d+(?:\.\d+)?|[-−]?[A-Za-z]{1,2}(?![A-Za-z])|\([^()]{1,12}\)|\{[^{}]{1,12}\}"
_UNIT = rf"(?:\s?(?P<unit>{WRITTEN})(?![\w/^]))?"


def _scientific(match: re.Match[str]) -> str:
    """1e-4 is one times ten to the minus four."""
    return f"{number(match[1])} times ten {_to_the(match[2].lstrip('+'))}{_unit(match)}"


def _unit(match: re.Match[str]) -> str:
    """What follows a power: a unit in words, or anything else as it is."""
    written = match["unit"]
    unit = unit_of(written, glued=False) if written else None
    return f" {unit.many}" if unit else f" {written}" if written else ""


def _number_power(match: re.Match[str]) -> str:
    """6.02 × 10^23, 10^9 bytes."""
    low = f"{number(match['low'])} to " if match["low"] else ""
    factor = f"{low}{number(match['factor'])} times " if match["factor"] else ""
    exponent = match["exponent"].strip("(){} ").lstrip("+")
    power = f"{factor}{number(match['base'])} {_to_the(exponent)}"
    if match["share"]:  # 10^9/L: what is shared is looked up below a slash only, so a gram is lent above it
        share = unit_of("g/" + match["share"], glued=True)
        return power + (share.one.removeprefix("gram") if share else f" per {match['share']}")
    return power + _unit(match)


def _power(match: re.Match[str]) -> str:
    """mc^2 is m c squared, 10^9 ten to the ninth, x^(n+1) x to the n plus one."""
    base, exponent = match["base"], match["exponent"].strip("(){} ").lstrip("+")
    said = " ".join(base) if base.isalpha() and len(base) == 2 else base
    return f"{said} {_to_the(exponent)}"


def _to_the(exponent: str) -> str:
    if exponent in ("2", "3"):
        return "squared" if exponent == "2" else "cubed"
    if exponent.isdigit():
        return f"to the {ordinal(exponent)}"
    if re.fullmatch(r"[-−]?[\d.]+", exponent):
        return f"to the {number(exponent)}"
    return f"to the {re.sub(r'^[-−]', 'minus ', exponent)}"


def _mixed(match: re.Match[str]) -> str:
    """3 1/2 is three and a half."""
    part = fraction(match[2], match[3]).replace("one half", "a half")
    return f"{number(match[1])} and {part}"


def _divided(match: re.Match[str]) -> str:
    """6/2=3 is divided, 1/4 = 0.25 a fraction."""
    top, bottom = match[1], match[2] or match[3]
    return match[0] if match[2] and int(top) < int(bottom) else f"{cardinal(top)} divided by {cardinal(bottom)}"


def _ion(match: re.Match[str]) -> str:
    """Ca²⁺ is Ca two plus, SO₄²⁻ S O four two minus."""
    charge = f" {cardinal(match[2])}" if match[2] else ""
    parts = [match[1]] if len(match[1]) < 3 else letters(match[1])
    formula = " ".join(cardinal(part) if part.isdigit() else part for part in parts)
    return f"{formula}{charge} {_SIGNS[match[3]]}"


def _derivative(match: re.Match[str]) -> str:
    return f"{match[1]}{' double' if len(match[2]) > 1 else ''} prime of {match[3]}"


def _part_of(match: re.Match[str]) -> str:
    """1/2 tsp is one half teaspoon, 2 1/2 km two and a half kilometers."""
    whole, top, bottom = match[1], match[2], match[3]
    unit = unit_of(match[5], glued=not match[4] or match[0].endswith("."))
    if unit is None or not 0 < int(top) < int(bottom):
        return match[0]
    part = fraction(top, bottom)
    if not whole:
        return f"{part} {unit.one}"
    return f"{cardinal(whole)} and {part.replace('one half', 'a half')} {unit.many}"


def _pair(match: re.Match[str]) -> str:
    """1/2 and 3/8 are fractions; 9/11, 50/50 and 24/7 two numbers, 120/80 one over the other."""
    top, bottom = match[1], match[2]
    two = f"{cardinal(top)} {cardinal(bottom)}"
    if int(top) + int(bottom) == _WHOLE and len(top) == len(bottom):
        return two  # the shares of a whole: 80/20
    if bottom in ("5", "10", "100") and top == bottom:
        return f"{cardinal(top)} out of {cardinal(bottom)}"
    if int(bottom) < 2 or (len(bottom) > 1 and bottom[0] == "0") or (top == bottom and len(top) > 1):
        return two if int(bottom) >= 2 or top != "1" else "one over one"
    if int(top) > _PRESSURE and int(bottom) >= 30 and int(top) > int(bottom) and int(bottom) % 100:
        return f"{cardinal(top)} over {cardinal(bottom)}" if int(top) % 10 or int(top) >= 100 else two
    if bottom in _PARTS and int(top) < 10 * int(bottom):
        return fraction(top, bottom)
    both_round = int(top) % 10 == int(bottom) % 10 == 0
    if both_round or (int(bottom) <= 31 and int(top) <= 31):
        return two
    return fraction(top, bottom) if int(top) < int(bottom) else f"{cardinal(top)} over {cardinal(bottom)}"


_BEING = re.compile(r"(?:\b(?:is|are|was|were|be|been|being|[Ii]t's|that's)|\bnot|n't)\s?$")


def _compared(match: re.Match[str]) -> str:
    """x < 5 is less than five; what was < 5 was so already."""
    said, before = _SIGNS[match["sign"]], match.string[max(0, match.start() - 8) : match.start()]
    return f" {said.removeprefix('is ') if _BEING.search(before) else said} "


def _operated(match: re.Match[str]) -> str:
    return f"{number(match[1])} {_SIGNS[match[2]]} "


_NO_QUANTITY = frozenset(
    re.findall(
        "[a-z]+",
        "takes take in at for with of within costs cost has have had to by from only about needs need gets got over "
        "and or but than the a if",
    )
)


def _is_bound(match: re.Match[str]) -> bool:
    """Whether the word before a comparison is no quantity: "takes <5 min", but "score > 90" and "x <5" compare."""
    word = re.search(r"[A-Za-z]+$", match["before"].strip())
    return word is None or word[0].lower() in _NO_QUANTITY


_FUNCTIONS = {"sin": "sine", "cos": "cosine", "tan": "tangent", "ln": "natural log"}

# Before money and measures, which would take the numbers of these.
FIRST: list[Rule] = [
    # before a formula sin is a function: sin^2 θ, sin(30°), ln 2
    Rule(
        r"(?<![A-Za-z])(sin|cos|tan|ln)(?:\((?P<of>[^()\s]{1,12})\)|(?=[\^(])|\s?(?P<on>(?=[θαβγπωφ\d]|(?<=\s)[xyz]\b(?!'))))",
        lambda m: _FUNCTIONS[m[1]] + (f" of {m['of']} " if m["of"] else " " if m["on"] is not None else ""),
    ),
    *strokes.RULES,
    # 2/3rds, before the rule of pairs leaves the letters alone
    Rule(
        r"(?<![\w./-])(\d{1,2})/(\d{1,3})(?:rds?|ths?|nds?)\b",
        lambda m: fraction(m[1], m[2]) if int(m[2]) > 1 else m[0],
    ),
    # v=s/t: between two letters of a formula a stroke divides.
    Rule(r"(=\s?[A-Za-zα-ωΔ])\s?/\s?([A-Za-zα-ω])(?![A-Za-z/]|\stest)", lambda m: f"{m[1]} over {m[2]}", needs="/"),
    Rule(r"(?<![A-Za-z/])([A-Za-zα-ωΔ])\s?/\s?([A-Za-zα-ω])(?=\s?=)", lambda m: f"{m[1]} over {m[2]}", needs="/"),
    # before comparisons, to which 5!=120 is an inequality
    Rule(r"(?<=[\dn])!(?=\s?=)", lambda m: " factorial"),
    # 1+2+3+…+100 goes on.
    Rule(r"(?<=[\w)])\s?\+\s?(?:…|\.{3})\s?\+\s?(?=\w)", lambda m: " plus and so on plus "),
    Rule(ABSOLUTE, lambda m: f"the absolute value of {m['inside']}", needs="|"),
    Rule(r"\b([fgh])(['′]{1,2})\(([a-z]|\d+)\)", _derivative, needs="("),
    # else a stroke between letters is a blank: dy/dx
    Rule(r"(?<![A-Za-z])d([a-z])/d([a-z])(?![A-Za-z])", lambda m: f"d {m[1]} over d {m[2]}", needs="/"),
    # log₂8, whose subscript stands apart by now
    Rule(
        r"\blog_?(\d{1,2})(?:\s(?=[\da-z])|(?=[a-z]\b)|(?=\())\(?(\d+(?:\.\d+)?|[a-z])(?![\w.])\)?",
        lambda m: f"log base {cardinal(m[1])} of {number(m[2]) if m[2][0].isdigit() else m[2]}",
    ),
    # the hyphen of fatty acids is no minus: ω-3
    Rule(r"(?<=[ωΩ])-(?=[369](?![\d.]))", lambda m: " "),
    # nor is one with figures on both sides in a name: A1-2
    Rule(r"(?<=[A-Za-z]\d)-(?=\d)|(?<=[A-Za-z]\d\d)-(?=\d)", lambda m: " ", needs="-"),
    # else a charge is an exponent, and Fe^3+ cubed
    Rule(r"(?<![A-Za-z\d])([A-Z][A-Za-z0-9]{0,5})\^(\d?)([+-])(?!\w)", _ion),
    # before the mark of inches is taken with the lower number alone: a 1/16" gap
    Rule(r"(?<=\d/)(\d{1,2})\s?[\"″](?=\s|[,.;:)]|$)", lambda m: f"{m[1]}in" if is_inch(m) else m[0]),
    Rule(
        rf"(?<![\w./-])(?:(\d{{1,3}})[ -])?(\d{{1,2}})/(\d{{1,2}})(\s?)({WRITTEN})(?![\w/^])(?:\.(?=\s[a-z]))"
        rf"?",
        _part_of,
    ),
    # a short dash in front of a number is a minus sign, between two a span: –20°F
    Rule(r"(?:^|(?<=[\s(]))(?<!\d\s)–(?=\.?\d)", lambda m: "-"),
    Rule(
        r"(?<![\w./])(\d{2,3})/(\d{2,3})\s?mm\s?Hg\b",
        lambda m: f"{cardinal(m[1])} over {cardinal(m[2])} millimeters of mercury",
    ),
    # no quantity before it to compare: takes <5 minutes, >100 people
    Rule(
        r"(?P<before>(?:^|[^\w\s)\]=-])\s?|(?<![A-Za-z])[A-Za-z]{2,}\s)(?P<sign><=|>=|[<>≤≥])\s?(?=[$£€¥]?[\d.])",
        lambda m: m["before"] + _ALONE[m["sign"]] + " " if _is_bound(m) else m[0],
    ),
    Rule(
        r"(?<![\w./])(\d+)(?:\s?/\s?(\d+)(?=\s?=)|\s/\s(\d+)(?![\w/]))",
        _divided,
    ),
    Rule(
        r"(?<![\w:.])(\d{1,3}):(\d{1,3})[-–](\d{1,3})(?![\w:])",
        lambda m: f"{cardinal(m[1])} {cardinal(str(int(m[2])))} to {cardinal(m[3])}",
    ),
    Rule(rf"{FREE}({AMOUNT})[eE]([-−+]?\d{{1,3}})(?!\w){_UNIT}", _scientific),
    Rule(
        rf"(?:(?<![\w.])(?:(?P<low>{NUMBER}){TO})?(?P<factor>{NUMBER})\s?[xX×*·]\s?|(?<![\w.]))(?P<base>{NUMBER})"
        rf"\s?(?:\^|\*\*)\s?(?P<exponent>{_EXPONENT})(?:/(?P<share>{ATOM})(?![\w/^])|{_UNIT})",
        _number_power,
    ),
]
RULES: list[Rule] = [
    Rule(
        rf"(?P<base>(?<![A-Za-z])[A-Za-z]{{1,2}}|[α-ωΑ-Ω]|(?<=[A-Za-z0-9)\]])(?=\s?\^)|[A-Za-z]+(?=\^))\s?(?:\^|\*\*)\s?"
        rf"(?P<exponent>{_EXPONENT})",
        lambda m: _power(m) if m["base"] else " " + _to_the(m["exponent"].strip("(){} ").lstrip("+")),
    ),
    Rule(
        r"(?<![\w.])([-−]?\d+)(?:\s|-)(\d{1,2})/(\d{1,3})(?![\w/]|\.\d)(?!\s?=)",
        lambda m: _mixed(m) if int(m[2]) < int(m[3]) else m[0],
    ),
    # before the rule of pairs, to which these are sevenths
    Rule(r"\b24/7\b", lambda m: "twenty four seven"),
    *strokes.MARKS,
    Rule(r"(?<![\w./-])(\d{1,3})/(\d{1,7})(?![\w/]|\.\d)", _pair),
    Rule(r"(?<![\w.])(\d+)/([a-z])\b", lambda m: f"{cardinal(m[1])} over {m[2]}"),
    # arrows before their > is taken for a comparison: A -> B
    Rule(r"(?<=[\w)\]])\s?(?P<sign><=>|<->|->|=>)\s?(?=[\w(])", lambda m: f" {_SIGNS.get(m['sign'], 'to')} "),
    Rule(r"(?<!\w)(?P<sign>->|=>)\s?", lambda m: ""),
    Rule(rf"(?<=[\w)\]}}%°])\s?(?P<sign>{_COMPARING})\s?(?=[-−+(]?[\w$£€.√α-ωΑ-Ω])", _compared),
    Rule(rf"(?P<sign>{_COMPARING})\s?(?=[-−]?\d)", _compared),
    Rule(r"(?:\+/-|\+-|±)\s?(?=[\d.])", lambda m: " plus or minus "),
    # before spans: 7-2=5 does not go from seven to two
    Rule(r"(?<![\w.])(\d+)\s?[-−]\s?(?=\d+\s?(?:=|\bequals\b))", lambda m: f"{cardinal(m[1])} minus "),
    Rule(
        rf"(?<![\w.,$-])({NUMBER})[xX×]?{TO}({NUMBER})[xX×](?!\w)",
        lambda m: f"{number(m[1])} to {number(m[2])} times",
    ),
    Rule(
        rf"(?<![\w.,$-])({NUMBER})(?:{TO}|\s?…\s?|\.{{2,3}})({NUMBER})(?![\w-]|[.,]\d)",
        lambda m: f"{number(m[1])} to {number(m[2])}",
    ),
    Rule(
        rf"{FREE}(\d+(?:\.\d+)?)\s?:\s?({NUMBER})(?:\s?:\s?(\d+))?(?!\w|\.\d)",
        lambda m: " to ".join(number(part) for part in m.groups() if part),
    ),
    Rule(rf"{FREE}({AMOUNT})\s?([+×*÷±])\s?(?=[-−]?[\d.(√a-z])", _operated),
    Rule(rf"{FREE}({AMOUNT})\s?([xX])\s?(?=\d)", _operated),
    Rule(
        rf"{FREE}(?<!equals )(?<!plus )(?<!minus )({AMOUNT})\s?(?:[x×]|(?<!\d{{4}})X)"
        r"(?!\w|\s?[-+=*/^<>]|\s(?:minus|plus|equals|squared|cubed)\b|\sto the \w+th\b)",
        lambda m: f"{number(m[1])} times",
    ),
    Rule(
        rf"(?<=\w\s)[xX]({NUMBER})(?![\w.]|\s?[-+=*/^])|(?<!\w)×\s?({NUMBER})(?![\w.])"
        rf"",
        lambda m: f"times {number(m[1] or m[2])}",
    ),
    Rule(rf"(?<![\w.])({NUMBER})\s[-−]\s(?=\d)", lambda m: f"{number(m[1])} minus "),
    Rule(r"(?<=[A-Za-z)\]])\s?([=×÷±])\s?(?=[-−(]?[\w√])", lambda m: f" {_SIGNS[m[1]]} "),
    Rule(r"(?<=\b[a-z])\s?([+])\s?(?=[a-z\d]\b)", lambda m: f" {_SIGNS[m[1]]} "),
    Rule(r"(?<=\b[a-z])\s[-−]\s(?=[a-z\d]\b)", lambda m: " minus "),
    # powers stand in words by now: r² − x²
    Rule(r"(?:(?<= squared)|(?<= cubed))\s[-−]\s(?=[a-zα-ω√\d]\b|\d)", lambda m: " minus ", needs="ed "),
    # neither "5 - a beginner" nor "2 - I": 4 − x
    Rule(rf"{FREE}({NUMBER})\s[-−]\s(?=[b-hj-zα-ω]\b(?!['’.]))", lambda m: f"{number(m[1])} minus "),
    Rule(r"(?<=[a-z]) \+ (?=\w)", lambda m: " plus "),
    Rule(
        r"(?<![\w)%])(?:[-−]|(?<!\d\s)[–](?=\d))\s?(?=\.?\d)|(?<=equals )[-−](?=[a-z]\b)|(?<=to )[-−](?=\d)",
        lambda m: "minus ",
    ),
    Rule(r"(?<![\w+])\+(?=\.?\d)", lambda m: "plus "),
    # else the brackets of a function are pauses: f(x)
    Rule(r"\b([fgh])\(([a-z]|\d+)\)", lambda m: f"{m[1]} of {cardinal(m[2]) if m[2].isdigit() else m[2]}"),
    Rule(r"(?<=[A-Za-z0-9)])\+(?=[A-Za-z0-9(√])", lambda m: " plus "),
    # said once: about ~5
    Rule(
        r"(?<!\w)~\s?(?=\d)",
        lambda m: "" if m.string[: m.start()].endswith(("about ", "around ")) else "about ",
    ),
]
