"""Mandarin amounts of money: ￥1,280.50, HK$48, CNY2.35, ￥80元, $200美元, 50元/人."""

import re

from glmtts.text.normalisation.currencies import CODE, CURRENCIES, NAMES_ZH, SIGN
from glmtts.text.normalisation.mandarin.amounts import SCALE, TO, amount
from glmtts.text.normalisation.rules import AMOUNT, NUMBER, Rule
from glmtts.text.normalisation.units import unit_of
from glmtts.text.numbers_zh import number

_PER = (
    r"(?:\s?/\s?(?P<per>\d{0,4}[A-Za-zμ]{1,8}(?:\^?[23])?(?![A-Za-z])|"
    r"[一-鿿]{1,3}?(?=[，。,.！!？?；;、\s）)]|$)|[一-鿿]))?"
)
_TWICE = rf"(?:\s?(?P<twice>{NAMES_ZH})(?![A-Za-z]))?"
_FACTORS = {
    "k": 3, "m": 6, "mn": 6, "mln": 6, "b": 9, "bn": 9, "bln": 9, "tn": 12, "trn": 12,
}  # fmt: skip


def _money(match: re.Match[str]) -> str:
    """An amount with its sign; the name after it, where there is one, says the currency."""
    written, scale, twice = match["amount"], (match["scale"] or "").strip(), match["twice"] or ""
    currency = CURRENCIES[match["sign"]].mandarin
    if twice and not (twice in ("元", "块", "圆") and currency != "元"):
        currency = twice if twice not in CURRENCIES else CURRENCIES[twice].mandarin
    scale = "万" if scale in ("w", "W") else scale
    minus = "负" if match["minus"] else ""
    parts = re.fullmatch(r"([\d,]+)\.(\d)(\d)?", written)
    if parts and not scale and currency == "元" and match["sign"] in ("￥", "¥"):
        return minus + _renminbi(parts) + per(match["per"])
    if scale.lower() in _FACTORS:
        written, scale = _times(written, _FACTORS[scale.lower()]), ""
    return f"{minus}{counted(written)}{scale}{currency}" + per(match["per"])


def _times(written: str, zeros: int) -> str:
    """1.5 with three zeros more is 1500, 1.2345 is 1234.5."""
    whole, _, part = written.replace(",", "").partition(".")
    scaled, rest = whole + part[:zeros].ljust(zeros, "0"), part[zeros:]
    return f"{scaled}.{rest}" if rest else scaled


def counted(written: str) -> str:
    """两 before a hundred too, as money is counted: 两百美元."""
    spoken = amount(written)
    return "两" + spoken[1:] if spoken.startswith("二百") else spoken


def _renminbi(parts: re.Match[str]) -> str:
    """1,280.50 is 一千二百八十元五角."""
    whole, tenths, cents = parts[1], parts[2] or "0", parts[3] or "0"
    said = [] if whole.strip("0,") == "" and (tenths, cents) != ("0", "0") else [f"{amount(whole)}元"]
    if tenths != "0":
        said.append(f"{amount(tenths)}角")
    if cents != "0":
        # a place left out is said: 1.05 is 一元零五分
        said.append(f"{'零' if said and tenths == '0' else ''}{amount(cents)}分")
    return "".join(said)


def _range(match: re.Match[str]) -> str:
    """￥20-￥45, $5-10万, $5-10bn."""
    low, high, scale1, scale = match["low"], match["amount"], match["scale1"], (match["scale"] or "").strip()
    if scale.lower() in _FACTORS and not scale1:
        zeros = _FACTORS[scale.lower()]
        low, high, scale = _times(low, zeros), _times(high, zeros), ""
    scale = "万" if scale in ("w", "W") else scale
    currency = CURRENCIES[match["sign"]].mandarin
    twice = match["twice"] if match["twice"] not in (None, "元", "块") else None
    return f"{amount(low)}{scale1}到{amount(high)}{scale}{twice or currency}" + per(match["per"])


def _rebate(match: re.Match[str]) -> str:
    """满300-50 is 满三百减五十; 满18-60岁 and other spans rise."""
    full, less = int(match[1].replace(",", "") or 0), int(match[3])
    return f"{number(match[1])}{match[2]}减{number(match[3])}" if less < full else match[0]


def per(written: str | None) -> str:
    """每人, 每月, 每千克."""
    if not written:
        return ""
    # what is shared is looked up below a slash only, so a gram is lent above it and taken off again
    unit = unit_of("g/" + written, glued=True)
    return unit.mandarin.removeprefix("克") if unit else f"每{written}"


_WRITTEN_SCALE = r"(?:[kKwWmMbB]|\s?(?:[mbBM]n|[mb]ln|tr?n))(?![A-Za-z0-9])"
_SCALED = rf"(?P<scale>{_WRITTEN_SCALE}|{SCALE})"
RULES: list[Rule] = [
    # prices say no empty places: 100.00元 is 一百元
    Rule(r"(?<=\d)\.00?(?=元|块|美元|欧元|英镑|日元|港[元币]|人民币)", lambda m: ""),
    # A rebate: 满300-50.
    Rule(r"(?<=满)([\d,]+)(元?)\s?[-−–]\s?(\d+)(?!\d|[.,]\d|岁)", _rebate, needs="满"),
    Rule(
        rf"(?P<sign>{SIGN}|{CODE})\s?(?P<low>{AMOUNT})(?P<scale1>{SCALE}){TO}(?:{SIGN}|{CODE})?\s?(?P<amount>{AMOUNT}){_SCALED}(?!\s?%){_TWICE}{_PER}",
        _range,
    ),
    Rule(
        rf"(?P<minus>(?<![\w])[-−])?(?:人民币)?(?P<sign>(?<![A-Za-z])(?:{SIGN}|{CODE}))\s?(?P<amount>{AMOUNT}){_SCALED}{_TWICE}{_PER}",
        _money,
    ),
    Rule(
        rf"(?<![\d.A-Za-z-])(?P<low>{NUMBER})(?P<scale1>{SCALE}){TO}(?P<amount>{NUMBER})(?P<scale>{SCALE})\s?"
        rf"(?P<sign>{CODE}|[€£₩₹₽₺฿](?!\d))(?![A-Za-z])(?P<twice>){_PER}",
        _range,
    ),
    Rule(
        rf"(?P<minus>)(?<![\d.A-Za-z])(?P<amount>{NUMBER}){_SCALED}\s?(?P<sign>{CODE}|[€£₩₹₽₺฿¥￥](?!\d)|\$(?!\d))(?![A-Za-z])(?P<twice>){_PER}",
        _money,
    ),
    Rule(
        rf"(?<![\d.A-Za-z])(?P<amount>{NUMBER})(?P<scale>{SCALE})(?P<unit>元|块|角|美元|欧元|英镑|日元|港元|港币){_PER}",
        lambda m: f"{amount(m['amount'])}{m['scale']}{m['unit']}{per(m['per'])}" if m["per"] else m[0],
    ),
]
