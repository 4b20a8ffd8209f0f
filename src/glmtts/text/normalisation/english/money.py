"""English amounts of money: $1,250.75, £4m, HK$90, 8€, $20.00-$45.00, $15/mo, $20 dollars."""

import re

from glmtts.text.normalisation.currencies import CODE, CURRENCIES, NAMES_EN, SIGN, SIGNS, Currency
from glmtts.text.normalisation.english.attributes import attributive
from glmtts.text.normalisation.english.measures import several
from glmtts.text.normalisation.rules import AMOUNT, Rule
from glmtts.text.normalisation.units import unit_of
from glmtts.text.numbers_en import cardinal, number

_SCALE = (
    r"(?:(?:\s?|-(?=[mbt]\w*illion|thousand))"
    r"(?P<scale>thousand|million|billion|trillion|lakhs?(?:\scrores?)?|crores?|[kK]|[mM][nmM]?|[bB]n?|BN|[tT]n?)(?![A-Za-z0-9]))?"
)
_SCALES = {"k": "thousand", "m": "million", "mn": "million", "mm": "million", "b": "billion", "bn": "billion",
           "t": "trillion", "tn": "trillion"}  # fmt: skip
_PER = r"(?:\s?/\s?(?P<per>\d{0,4}[A-Za-zμ]+(?:\^?[23])?)\.?(?![\w/]))?"
_TWICE = rf"(?:[\s-](?P<twice>{NAMES_EN})\b)?"
_TO = r"\s?(?:[-–—~]|to)\s?"


def money(sign: str, written: str, scale: str | None = None, attribute: bool = False, twice: str = "") -> str:
    """$1,250.75 is one thousand two hundred fifty dollars and seventy five cents; $3.5 million keeps its point."""
    currency = _currency(sign, twice)
    one, many = currency.one, currency.one if attribute else currency.many
    if scale:
        return f"{number(written)} {_SCALES.get(scale.lower(), scale)} {many}"
    whole, _, part = written.partition(".")
    if part and (len(part) != 2 or not currency.cents):
        return f"{number(written)} {many}"
    amounts = []
    if int(whole.replace(",", "") or 0) or not int(part or 0):
        amounts.append(several(cardinal(whole or "0"), one, many))
    if part and int(part):
        amounts.append(_cents(str(int(part)), sign, bool(amounts), attribute))
    joint = " " if " " in CURRENCIES[sign].one and sign in SIGNS and sign != "US$" else " and "
    return joint.join(amounts)


def _currency(sign: str, twice: str) -> Currency:
    """The currency; a code or country said after the amount is more exact than the sign before it."""
    code = {"US dollars": "USD", "U.S. dollars": "USD", "US dollar": "USD", "yuan": "CNY", "RMB": "CNY"}.get(
        twice, twice
    )
    return CURRENCIES.get(code) or CURRENCIES[sign]


def _cents(written: str, sign: str, after: bool, attribute: bool) -> str:
    """Twelve Australian dollars fifty: the country is not said again, nor the cents of a long name."""
    currency = CURRENCIES[sign]
    if after and " " in currency.one and sign in SIGNS and sign != "US$":
        return cardinal(written)
    # fifty pence before a noun, too, since a penny is the coin
    one = attribute and currency.cents != "pence"
    return several(cardinal(written), currency.cent, currency.cent if one else currency.cents)


def _before(match: re.Match[str]) -> str:
    """$5, -$5, US$ 5 million, USD 20, $15/mo, $20 dollars."""
    minus = {"+": "plus ", "": ""}.get(match["minus"] or match["minus2"] or "", "minus ")
    sign = match["sign"]
    twice = match["twice"] or ""
    spoken = money(sign, match["amount"], match["scale"], not twice and attributive(match), twice)
    return minus + spoken + _share(match["per"])


def _after(match: re.Match[str]) -> str:
    """8€, 60¢, 20 USD, 5k EUR."""
    if match["sign"] == "¢":
        return several(number(match["amount"]), "cent", "cents")
    return money(match["sign"], match["amount"], match["scale"]) + _share(match["per"])


def _range(match: re.Match[str]) -> str:
    """$20.00-$45.00 is twenty to forty five dollars."""
    low, high = match["low"], match["amount"]
    if re.fullmatch(r"[\d,]+\.00", low) and re.fullmatch(r"[\d,]+(?:\.00)?", high):
        low = low[:-3]
    first, second = match["scale1"], match["scale"]
    scale = f" {_SCALES.get(first.lower(), first)}" if first and first != second else ""
    low_spoken = money(match["sign"], low) if re.search(r"\.\d\d$", low) and not scale else number(low) + scale
    return f"{low_spoken} to {money(match['sign'], high, second, False, match['twice'] or '')}" + _share(match["per"])


def _share(written: str | None) -> str:
    """per month, per hundred grams."""
    if not written:
        return ""
    # what is shared is looked up below a slash only, so a gram is lent above it and taken off again
    unit = unit_of("g/" + written, glued=True)
    return unit.one.removeprefix("gram").replace("per each", "each") if unit else f" per {written}"


# What British prices have behind them without a blank: £9.99pm, £30k pa.
_BRITISH = {"p": "", "pm": " per month", "pcm": " per month", "pw": " per week", "pa": " per year", "pp": " per person",
            "ph": " per hour", "pn": " per night"}  # fmt: skip
_DOLLARS = "USD|HKD|TWD|AUD|CAD|NZD|SGD|MXN"
RULES: list[Rule] = [
    # A country or code apart from the sign; "it cost the US $5" paid dollars of its own.
    Rule(r"(?<![\w.])(?<![Tt]he )(US|U\.S\.|HK|NZ)\s\$(?=\s?\d)", lambda m: f"{m[1].replace('.', '')}$"),
    Rule(
        rf"\b({_DOLLARS})\s?\$(?=\s?\d)|\b(EUR)\s?€(?=\s?\d)|\b(GBP)\s?£(?=\s?\d)", lambda m: f"{m[1] or m[2] or m[3]} "
    ),
    # What is left of the pence in amounts without them: Rs. 499/-, CHF 120.–
    Rule(r"(?<=\d)(?:/[-–—]|\.[-–]|,[-–](?=\s?(?:€|EUR)))(?!\w)", lambda m: ""),
    Rule(rf"([£€]\s?{AMOUNT}[kKmM]?)(?:(p[mwpnh]?)|\s?(pcm|pa))(?![\w/])", lambda m: m[1] + _BRITISH[m[2] or m[3]]),
    # Decimal commas of the continent: €3,50 and 1.234,56 €.
    Rule(
        rf"((?:{SIGN})\s?)(\d{{1,3}}(?:\.\d{{3}})*),(\d\d)(?![\d,])", lambda m: f"{m[1]}{m[2].replace('.', '')}.{m[3]}"
    ),
    Rule(r"(?<![\w.,])(\d{1,3}(?:\.\d{3})*),(\d\d)(?=\s?(?:€|EUR\b))", lambda m: f"{m[1].replace('.', '')}.{m[2]}"),
    Rule(
        rf"(?P<sign>{SIGN})\s?(?P<low>{AMOUNT})\s?(?P<scale1>[kK]|[mM]n?|[bB]n?|thousand|million|billion)?{_TO}(?:{SIGN})?\s?(?P<amount>{AMOUNT})"
        rf"{_SCALE}(?!\s?%){_PER}{_TWICE}",
        _range,
    ),
    Rule(
        rf"(?P<minus>(?<!\w)[-−+])?(?P<sign>(?<![A-Za-z])(?:{SIGN}))\s?(?P<minus2>[-−](?=\d))?(?P<amount>{AMOUNT}){_SCALE}{_PER}{_TWICE}",
        _before,
    ),
    Rule(rf"(?P<minus>)(?P<minus2>)\b(?P<sign>{CODE})\s?(?P<amount>{AMOUNT}){_SCALE}{_PER}(?P<twice>)", _before),
    Rule(
        rf"(?<![\w.,-])(?P<low>{AMOUNT})(?P<scale1>(?<=\d)[kKM])?{_TO}(?P<amount>{AMOUNT}){_SCALE}\s?"
        rf"(?P<sign>[€£₩₹₽₺₫฿₪₱₴]|(?:{CODE})\b)(?!\d){_PER}(?P<twice>)",
        _range,
    ),
    Rule(rf"(?<![\w.])(?P<amount>{AMOUNT}){_SCALE}\s?(?P<sign>[€£¢₩₹₽₺₫฿₪₱₴¥￥]|\$(?!\d)|(?:{CODE})\b){_PER}", _after),
]
