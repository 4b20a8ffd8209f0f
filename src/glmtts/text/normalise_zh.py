"""Mandarin: numbers, dates, times, money, units and signs to words; rules from the special to the general."""

import re

from glmtts.text.numbers_zh import cardinal, digits, number
from glmtts.text.rules import MAIL, NUMBER, Rule, applied, roman, rule
from glmtts.text.units import CURRENCIES_ZH, UNITS_ZH

_N = NUMBER
_SIGNED = rf"(?<![\dA-Za-z.)])(?<!\d,)[-−+]?(?:{_N})"
_TO = r"\s*[-~～–—－至到]\s*"
_UNIT = "|".join(re.escape(unit) for unit in sorted(UNITS_ZH, key=len, reverse=True))
_END = r"(?![A-Za-z])"
_SCALE = r"[万亿千百]{0,2}"
_COUNTED = (
    "个只条张本件位名次天周岁家间双套层座辆台部支枝棵颗朵片块根把份杯碗瓶盒包袋箱头匹口种点分秒"
    "时小倍元角毛步句首场门节排组对群批项亩吨米斤公厘毫平立海英千万亿人年成"
)
_MARKS = {"+": "加", "-": "减", "−": "减", "×": "乘", "x": "乘", "X": "乘", "*": "乘", "÷": "除以", "=": "等于",
          "<": "小于", ">": "大于", "≥": "大于等于", "≤": "小于等于", "≈": "约等于",
          "≠": "不等于", "±": "正负"}  # fmt: skip


def in_words(text: str) -> str:
    """`text` with every number and sign spelled out."""
    text = applied(RULES, text)
    return text


def _amount(written: str) -> str:
    """A number before something counted: 2 is 两, but 12 is 十二 and 2.5 二点五."""
    return "两" if written == "2" else number(written)


def _temperature(written: str) -> str:
    return f"零下{number(written[1:])}" if written[0] in "-−" else number(written)


def _date(match: re.Match[str]) -> str:
    year, month, day = match[1], int(match[2]), int(match[3])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return match[0]
    return f"{digits(year)}年{cardinal(str(month))}月{cardinal(str(day))}日"


def _month(match: re.Match[str]) -> str:
    return f"{digits(match[1])}年{cardinal(str(int(match[2])))}月" if 1 <= int(match[2]) <= 12 else match[0]


def clock(match: re.Match[str]) -> str:
    """10:30 is 十点三十分, 10:05 十点零五分, 10:00 十点, 10:00:05 十点零分五秒."""
    hour, minute, second = match[1], match[2], match[3]
    if int(hour) > 24 or int(minute) > 59 or int(second or 0) > 59:
        return match[0]
    hours = "两" if int(hour) == 2 else cardinal(str(int(hour)))
    minutes = ("零" if minute[0] == "0" and minute != "00" else "") + cardinal(str(int(minute)))
    if second:
        return f"{hours}点{minutes}分{cardinal(str(int(second)))}秒"
    return f"{hours}点" if minute == "00" else f"{hours}点{minutes}分"


def _renminbi(match: re.Match[str]) -> str:
    """¥1,280.50 is 一千二百八十元五角."""
    whole, tenths, cents = match[1], match[2] or "0", match[3] or "0"
    parts = [] if whole.strip("0,") == "" and (tenths, cents) != ("0", "0") else [f"{_amount(whole)}元"]
    if tenths != "0":
        parts.append(f"{_amount(tenths)}角")
    if cents != "0":
        parts.append(f"{'零' if parts and tenths == '0' else ''}{_amount(cents)}分")
    return "".join(parts)


def _foreign(match: re.Match[str]) -> str:
    return f"{_amount(match[2])}{match[3]}{CURRENCIES_ZH[match[1].upper()]}"


def _telephone(written: str) -> str:
    groups = [digits(group, one="幺") for group in re.split(r"[-\s()（）]+", written.lstrip("+")) if group]
    return ("加" if written[0] == "+" else "") + "，".join(groups)


def _per(match: re.Match[str]) -> str:
    return f"{_range(match, 1)}{UNITS_ZH[match[3]]}"


def _range(match: re.Match[str], first: int) -> str:
    low, high = match[first], match[first + 1]
    return f"{number(low)}到{number(high)}" if high else _amount(low)


def _spelled(match: re.Match[str]) -> str:
    """Signs of a mail address or a domain."""
    return (
        re.sub(r"\d+", lambda run: digits(run[0]), match[0])
        .replace(".", "点")
        .replace("@", " at ")
        .replace("_", "下划线")
    )


def _percent(match: re.Match[str]) -> str:
    share = "千分之" if match[3] == "‰" else "百分之"
    low, high = match[1], match[2]
    sign = "负" if low[0] in "-−" else "正" if low[0] == "+" else ""
    return f"{sign}{share}{number(low.lstrip('-−+'))}" + (f"到{share}{number(high)}" if high else "")


def _version(match: re.Match[str]) -> str:
    return "点".join(digits(part) for part in match[0].split("."))


def _fraction(match: re.Match[str]) -> str:
    whole, top, bottom = match[1], match[2], match[3]
    if int(bottom) == 0:
        return f"{cardinal(top)}比零"
    return (f"{cardinal(whole)}又" if whole else "") + f"{cardinal(bottom)}分之{cardinal(top)}"


_TEMPERATURE = rf"({_SIGNED})(?:{_TO}([-−+]?(?:{_N})))?\s*"
RULES: list[Rule] = [
    rule(MAIL, _spelled),
    rule(
        r"(?<![A-Za-z0-9.-])[A-Za-z][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)*\.(?:com|cn|org|net|io|edu|gov)(?![A-Za-z0-9])",
        _spelled,
    ),
    rule(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?![\d.])", _date),
    rule(r"(?<!\d)(\d{4})(年?)[-~～–—－](\d{4})(?=年)", lambda m: f"{digits(m[1])}{m[2]}到{digits(m[3])}"),
    rule(r"(?<!\d)((?:19|20)\d\d)[-–—~～]((?:19|20)\d\d)(?!\d)", lambda m: f"{digits(m[1])}到{digits(m[2])}"),
    rule(r"(?<![\d.])(\d{4})(?=年(?!前|后|以|的?历史|来))", lambda m: digits(m[1])),
    rule(r"(?<![\d-])((?:19|20)\d\d)[-/](0[1-9]|1[0-2])(?![\d-])", _month),
    rule(r"(?<![\d.])(0\d|[89][1-9])(?=年(?!代|前|后|内|来|间|以|的|了|时|多|级别))", lambda m: digits(m[1])),
    rule(r"(?<![\d.])(\d{4})(?=(?:级|届)(?![别]))", lambda m: digits(m[1])),
    rule(r"(?<![\d.])(\d0)(?=后)", lambda m: digits(m[1])),
    rule(r"(?<=\d[月日号点周])\s?[-~～–—－]\s?(?=\d)", lambda m: "到"),
    rule(r"(?<!\d)0(\d)(?=[月日号])", lambda m: cardinal(m[1])),
    rule(
        r"((?:比分|比例|比率|[以比])[为是达约到]?\s*)(\d+)\s*[:：]\s*(\d+)",
        lambda m: f"{m[1]}{cardinal(m[2])}比{cardinal(m[3])}",
    ),
    rule(
        r"(比分[为是达到]?\s*)?(?<![\d.-])(\d{1,3})-(\d{1,3})(?(1)(?!\d)|(?=[获战险击惜大完力]))",
        lambda m: f"{m[1] or ''}{cardinal(m[2])}比{cardinal(m[3])}",
    ),
    rule(
        r"(?<![\d:：])(\d{1,2})[:：](\d\d)()[-~～–—至到](\d{1,2})[:：](\d\d)(?![\d:：])",
        lambda m: f"{_clock_of(m[1], m[2])}到{_clock_of(m[4], m[5])}",
    ),
    rule(r"(?<![\d:：.])(\d{1,2})[:：](\d\d)(?:[:：](\d\d))?(?![\d:：])", clock),
    rule(
        r"(?<![\d:：.])(\d+(?:\.\d+)?)\s?[:：]\s?(\d+(?:\.\d+)?)(?![\d:：])",
        lambda m: f"{number(m[1])}比{number(m[2])}",
    ),
    rule(rf"{_TEMPERATURE}(?:℃|°\s?C|摄氏度)", lambda m: f"{_degrees(m)}摄氏度"),
    rule(rf"{_TEMPERATURE}(?:℉|°\s?F|华氏度)", lambda m: f"{_degrees(m)}华氏度"),
    rule(
        rf"({_SIGNED})°(?:(\d+)[′'](?:(\d+)[″\"])?)?",
        lambda m: f"{number(m[1])}度" + (f"{number(m[2])}分" if m[2] else "") + (f"{number(m[3])}秒" if m[3] else ""),
    ),
    rule(r"[￥¥]\s*(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d)(\d)?)?(?![\d.万亿千百]|,\d)", _renminbi),
    rule(rf"(US\$|HK\$|NT\$|[$€£₩￥¥])\s*({_N})({_SCALE})", _foreign),
    rule(
        rf"()({_N})({_SCALE})\s?(USD|RMB|CNY|EUR|GBP|JPY|HKD)(?![A-Za-z])",
        lambda m: f"{_amount(m[2])}{m[3]}{CURRENCIES_ZH[m[4]]}",
    ),
    rule(rf"({_SIGNED})%?(?:{_TO}({_N}))?\s?([%‰])", _percent),
    rule(r"(?<![\d.A-Za-z])\+?(?:86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)", lambda m: _telephone(m[0])),
    rule(r"(?<![\d.-])(?:0\d{2,3}|[48]00)-\d{3,4}[- ]?\d{4}(?![\d-])", lambda m: _telephone(m[0])),
    rule(
        r"((?:拨打?|电话|热线|呼叫|客服|报警|手机号?码?|号码|QQ|微信号?|致电)[是为号:：]{0,2}\s*)(\d[\d-]{2,14})(?!\d)",
        lambda m: m[1] + _telephone(m[2]),
    ),
    rule(
        r"((?:验证码|密码|编号|学号|工号|邮编|邮政编码|尾号|车牌号?|订单号?|单号|代码|波音|空客|账号|房号|身份证号?码?)[是为:：]{0,2}\s*)([A-Z]?)(\d+)",
        lambda m: f"{m[1]}{m[2]}{digits(m[3])}",
    ),
    rule(r"(?<!\d)(\d{3,4})(?=(?:号?房间?|室(?![内外])|教室|国道|省道|路(?:公交|车)?))", lambda m: digits(m[1])),
    rule(r"(?<!\d)(?:\d+\.){2,}\d+(?!\d)", _version),
    rule(r"(?<![\d./])(?:(\d+)\s)?(\d{1,4})/(\d{1,4})(?![\d/])", _fraction),
    rule(rf"({_SIGNED})(?:{_TO}({_N}))?\s?({_UNIT}){_END}", _per),
    rule(r"(?<![A-Za-z])[NnＮ][Oo]\.?\s?(\d+)|№\s?(\d+)", lambda m: f"{cardinal(m[1] or m[2])}号"),
    rule(r"#\s?(\d+)", lambda m: f"{cardinal(m[1])}号"),
    rule(r"(第)([IVX]{1,6})(?=[卷章节部期型代世届集册编篇条款幕季])", lambda m: m[1] + cardinal(roman(m[2]))),
    rule(
        r"(?<![A-Za-z])([IVX]{1,6})(?=[世期级])|(?<![A-Za-z])([IVX]{2,6})(?=型)",
        lambda m: cardinal(roman(m[1] or m[2])),
    ),
    rule(
        r"(?<![A-Za-z])(?=[IVX]*[IV])([IVX]{2,6})(?![A-Za-z])(?=$|[，。！？、；：\s）》]|章|卷|部)",
        lambda m: cardinal(roman(m[1])),
    ),
    rule(
        rf"(?<![\d.A-Za-z])({_N})\s?(?:([+×xX*÷=<>≥≤≈≠±])\s?(?=[-−]?\d)|([-−])\s?(?=\d[^，。；]{{0,20}}=))",
        lambda m: f"{number(m[1])}{_MARKS[m[2] or m[3]]}",
    ),
    rule(rf"(?<![\dA-Za-z.])({_N})({_SCALE}){_TO}({_N})", lambda m: f"{number(m[1])}{m[2]}到{number(m[3])}"),
    rule(r"([=<>≥≤≈≠±×÷])\s?(?=\d|[-−]\d)", lambda m: _MARKS[m[1]]),
    rule(rf"(?<![\dA-Za-z一-鿿])[-−](?={_N})|(?<=[是为到至达跌降约了分])[-−](?={_N})", lambda m: "负"),
    rule(r"(?<![\dA-Za-z])\+(?=\d)", lambda m: "加"),
    rule(r"([A-Za-z])[-_]?(\d{3,})(?![\d.])", lambda m: m[1] + digits(m[2])),
    rule(r"(?<![\d.])(\d{3,4})(?=[pP](?![A-Za-z]))", lambda m: digits(m[1])),
    rule(r"([A-Za-z])-(\d)", lambda m: m[1] + m[2]),
    rule(rf"(?<![\d.A-Za-z第])2(?=[{_COUNTED}])(?!年级)", lambda m: "两"),
    rule(r"(?<![\d.])\.(\d+)", lambda m: "点" + digits(m[1])),
    rule(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?", lambda m: number(m[0])),
    rule(r"²", lambda m: "平方"),
    rule(r"³", lambda m: "立方"),
    rule(r"(?<=[一-鿿A-Za-z])\s?&\s?(?=[一-鿿A-Za-z])", lambda m: "和"),
    rule(r"(?<=[A-Za-z])\+{1,2}", lambda m: "加" * len(m[0])),
    rule(r"(?<=[零一二三四五六七八九十百千万亿])\+", lambda m: "多"),
]


def _clock_of(hour: str, minute: str) -> str:
    match = re.fullmatch(r"(\d{1,2}):(\d\d)(?::(\d\d))?", f"{hour}:{minute}")
    assert match is not None
    return clock(match)


def _degrees(match: re.Match[str]) -> str:
    low, high = match[1], match[2]
    return _temperature(low) + (f"到{_temperature(high)}" if high else "")
