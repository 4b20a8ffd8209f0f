"""Mandarin formulas: powers, roots, fractions, comparisons, minus signs, ranges."""

import re

from glmtts.text.normalisation.formulas import ABSOLUTE
from glmtts.text.normalisation.mandarin.amounts import COUNTED, FREE, SCALE, TO
from glmtts.text.normalisation.rules import AMOUNT, NUMBER, Rule
from glmtts.text.numbers_zh import cardinal, number

_SIGNS = {
    "+": "加", "-": "减", "−": "减", "×": "乘", "x": "乘", "X": "乘", "*": "乘", "÷": "除以", "=": "等于", "==": "等于",
    "<": "小于", ">": "大于", "≥": "大于等于", "≤": "小于等于", ">=": "大于等于", "<=": "小于等于", "≈": "约等于",
    "≠": "不等于", "!=": "不等于", "<>": "不等于", "±": "正负", ":=": "等于", "~=": "约等于",
}  # fmt: skip
_NUMERALS = "零一二三四五六七八九十百千万亿两半"
# What stands before a hyphen that makes a span of two amounts.
_AMOUNT_END = re.compile(rf"[{_NUMERALS}](?:[年月日号点分秒度元角克米升瓦伏安]|公里|千克|小时|分钟)?$")
_COMPARING = r"<=|>=|==|!=|<>|:=|~=|[<>≥≤≈≠=]"
# Either side of a stroke: 1/10000, and a mark out of five as 4.5/5.
_PART = r"\d{1,7}(?:\.\d{1,2})?"
# Names of machines whose hyphen is none of arithmetic: 歼-20, 东风-41.
_MODELS = (
    "歼|运|轰|直|强|教|东风|长征|神舟|嫦娥|天问|天宫|天舟|天和|苏|米格|图|伊尔|巨浪|红旗|鹰击|型|系列|号|楼|"
    "栋|幢|座|单元|室|层|区|村|街|路|弄|第|卷|版|代|新冠"
)


def _power(match: re.Match[str]) -> str:
    base = match["base"]
    said = number(base) if base[:1].isdigit() else base
    exponent = match["exponent"].strip("(){}（） ").lstrip("+")
    return f"{said}{_to_the(exponent)}"


def _to_the(exponent: str) -> str:
    if exponent == "2":
        return "的平方"
    if exponent == "3":
        return "的立方"
    return f"的{number(exponent) if re.fullmatch(r'[-−]?[0-9.]+', exponent) else exponent}次方"


def _scientific(match: re.Match[str]) -> str:
    """1e-4 is 一乘十的负四次方."""
    return f"{number(match[1])}乘十{'的' + number(match[2].lstrip('+')) + '次方'}"


def _fraction(match: re.Match[str]) -> str:
    whole, top, bottom = match[1], match[2], match[3]
    if top == "24" and bottom == "7":
        return "二十四七"
    if not bottom.strip("0."):
        return f"{number(top)}比零"
    if not whole and (top, bottom) in (("50", "50"), ("9", "11"), ("20", "20")):
        return cardinal(top) + cardinal(bottom)
    if match[4]:
        return f"{number(top)}分，满分{number(bottom)}分"
    return (f"{cardinal(whole)}又" if whole else "") + f"{number(bottom)}分之{number(top)}"


def _operated(match: re.Match[str]) -> str:
    return f"{number(match[1])}{_SIGNS[match[2] or match[3] or match[4]]}"


def _minus(match: re.Match[str]) -> str:
    """-7 after a Chinese character is negative, unless that names a machine, a house or a year follows."""
    before, after = match.string[: match.start()][-4:], match.string[match.end() :]
    if re.search(rf"(?:{_MODELS})$", before):
        return ""
    if _AMOUNT_END.search(before):
        return "到"
    return "，" if re.match(r"(?:19|20)\d\d(?!\d)", after) else "负"


def _tilde(match: re.Match[str]) -> str:
    """3个~5个 is a span, 约~100元 and ~100元 are about."""
    before = match.string[max(0, match.start() - 4) : match.start()]
    if re.search(rf"[\d{_NUMERALS}][一-鿿]{{0,2}}$", before):
        return "到"
    return "" if before.endswith("约") else "约"


def _span(match: re.Match[str]) -> str:
    """两到三天 and 一到两天, but 二到三 and 第二到三条."""
    after = match.string[match.end() : match.end() + 2]
    counted = (
        after != "" and after[0] in COUNTED and after != "年级" and not match.string[: match.start()].endswith("第")
    )
    low, high = ("两" if part == "2" and counted else number(part) for part in (match[1], match[3]))
    return f"{low}{match[2]}到{high}"


def _times_of(match: re.Match[str]) -> str:
    """步骤1/3 is the first of three."""
    return f"{match[1]}{cardinal(match[2])}，共{cardinal(match[3])}{match[1][0]}"


# What is raised to a power by its name, and the units of which an area or volume is said first; elsewhere a raised
# figure behind a word may be that of a footnote.
_QUANTITIES = r"(?:半径|直径|边长|棱长|身高|长度|高度|速度|光速|电流|电压|距离|时间|[sS]igma|标准差)"
_METRES = "千米|公里|分米|厘米|毫米|米"
_POWERS = {"2": "平方", "3": "立方"}


RULES: list[Rule] = [
    Rule(rf"(?<=[\d\s万亿])({_METRES})\^([23])(?!\d)", lambda m: _POWERS[m[2]] + m[1], needs="^"),
    Rule(rf"({_QUANTITIES})\^([23])(?!\d)", lambda m: f"{m[1]}的{_POWERS[m[2]]}", needs="^"),
    # two signs in front of a number: -(-5)
    Rule(rf"(?<![\w)）])[-−]\s?[(（]\s?[-−]({NUMBER})\s?[)）]", lambda m: f"负负{number(m[1])}", needs="-"),
    # a bracket with a formula in it, and no remark: -(a+b)
    Rule(
        r"(?<![\w)）-])-(?=[(（][\w.^\s]{1,8}[-+*/×÷][\w.^\s√*/×÷+-]{1,12}[)）])(?=[^一-鿿]{0,20}[)）])",
        lambda m: "负",
        needs="-",
    ),
    Rule(ABSOLUTE, lambda m: f"{m['inside']}的绝对值"),
    Rule(r"(步骤|页码|页)\s?(\d{1,3})/(\d{1,3})(?![\d/.])", _times_of, needs="/"),
    # 1+2+3+…+100 goes on to its end; 5÷2=2……1 leaves one over.
    Rule(r"(?<=[\w)）])\s?\+\s?(?:…{1,2}|\.{3,6})\s?\+\s?(?=\w)", lambda m: "一直加到"),
    Rule(r"(=\s?\d+)\s?(?:…{1,2}|\.{3,6})\s?(?=\d)", lambda m: f"{m[1]}余"),
    Rule(r"(?<=[\dn])[!！](?=\s?=)", lambda m: "的阶乘"),
    # a fraction of an unknown: 1/x
    Rule(r"(?<![\d.A-Za-z/])(\d{1,3})/([a-z])(?![A-Za-z/])", lambda m: f"{m[2]}分之{cardinal(m[1])}", needs="/"),
    Rule(r"(?<![\d.])(\d+)\s?分之\s?(\d+(?:\.\d+)?)", lambda m: f"{cardinal(m[1])}分之{number(m[2])}", needs="分之"),
    # no third of a page: 第1/3页
    Rule(
        r"第(\d{1,4})\s?/\s?(\d{1,4})(?=[页頁张章])",
        lambda m: f"第{cardinal(m[1])}{m.string[m.end()]}，共{cardinal(m[2])}",
    ),
    # the brackets of a function are no pauses: f(x)
    Rule(r"(?<![A-Za-z])([fgh])[(（]([a-z])[)）]", lambda m: f"{m[1]} {m[2]}"),
    Rule(r"(?<![A-Za-z/])([A-Za-zα-ωΔ])\s?/\s?([A-Za-zα-ω])(?=\s?=)", lambda m: f"{m[1]}除以{m[2]}"),
    # What does not rise is the number of a figure and no span: 图3-2.
    Rule(
        r"(?<=[图圖表式例题題])(\d{1,3})-(\d{1,3})(?![\d-])",
        lambda m: f"{cardinal(m[1])}杠{cardinal(m[2])}" if int(m[2]) <= int(m[1]) else m[0],
    ),
    # the hyphen of fatty acids is no minus: ω-3
    Rule(r"(?<=[ωΩ])-(?=[369](?![\d.]))", lambda m: ""),
    # v=s/t: between two letters of a formula a stroke divides.
    Rule(r"(=\s?[A-Za-zα-ωΔ])\s?/\s?([A-Za-zα-ω])(?![A-Za-z/])", lambda m: f"{m[1]}除以{m[2]}"),
    Rule(rf"{FREE}({AMOUNT})[eE]([-−+]?\d{{1,3}})(?![A-Za-z\d])", _scientific),
    Rule(
        rf"(?P<base>(?<![\d.]){NUMBER}|[A-Za-z]|[)）\]πα-ω])\s?(?:\^|\*\*)\s?(?P<exponent>[-−+]?\d+(?:\.\d+)?|[-−]?[A-Za-z]|[(（{{][^(){{}}（）]{{1,12}}[)）}}])",
        _power,
    ),
    # before the fractions are words, between which no rule looks for a span: 1/3-1/2
    Rule(r"(?<=\d/\d)\s?[-~～–]\s?(?=\d+/\d)", lambda m: "到"),
    Rule(
        rf"(?<![\d./])(?:(\d+)(?:\s|又))?({_PART})/({_PART})(?![\d/]|\.\d)((?:(?<=/5)|(?<=[125]0)|(?<=00))分(?![之钟]))?",
        _fraction,
        needs="/",
    ),
    # arrows before their > is taken for a comparison: A->B
    Rule(r"(?<=[\d\w)）])\s?(?:->|=>)\s?", lambda m: "到"),
    Rule(rf"(?<=[\w)）%°])\s?({_COMPARING})\s?(?=[-−+(（]?[\w.√$￥¥€£一-鿿])", lambda m: _SIGNS[m[1]]),
    Rule(rf"({_COMPARING})\s?(?=\.?\d|[-−]\d)", lambda m: _SIGNS[m[1]]),
    # a hyphen subtracts where an equals sign follows, and makes a span elsewhere: 5-3=2
    Rule(
        rf"{FREE}({NUMBER})\s?(?:([+×*÷±])\s?(?=[-−]?[\d.(（√])|([xX])\s?(?=[\d.(（√])|"
        r"([-−])\s?(?=\d[^，。；]{0,20}(?:=|等于)))",
        _operated,
    ),
    Rule(r"(?<=[A-Za-z)）α-ω])\s?([+×*÷])\s?(?=[A-Za-z\d(（√α-ω])(?!\+)", lambda m: _SIGNS[m[1]]),
    Rule(rf"{FREE}({NUMBER})\s?([×*÷])\s?(?=[A-Za-zπ(（])", lambda m: number(m[1]) + _SIGNS[m[2]]),
    Rule(rf"{FREE}({NUMBER})\s?[×*]\s?(?=\S)", lambda m: f"{number(m[1])}乘"),
    Rule(
        rf"{FREE}(?<!等于)({NUMBER})\s?(?:[x×]|(?<!\d{{4}})X)(?![A-Za-z\d零一二三四五六七八九十百千万加减乘除等大小]|\s?[-+=*/^<>])",
        lambda m: f"{number(m[1])}倍",
    ),
    Rule(r"(?:\+/-|\+-|±)\s?(?=[\d.])", lambda m: "正负"),
    Rule(r"(?<=[一-鿿])[-−](?=\.?\d)", _minus),
    Rule(rf"{FREE}([-−]?{NUMBER})({SCALE}){TO}([-−]?{NUMBER})", _span),
    Rule(r"(?<![\dA-Za-z一-鿿])[-−–](?=\.?\d)|(?<=[等大小]于)[-−](?=[A-Za-z])", lambda m: "负"),
    Rule(r"(?<![\dA-Za-z])\+(?=\d)", lambda m: "加"),
    Rule(r"[~～]\s?(?=\d)", _tilde),
]
