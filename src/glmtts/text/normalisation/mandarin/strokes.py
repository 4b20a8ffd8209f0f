"""Mandarin strokes that part alternatives or divide words: 1/2号线, 16/18型, 3万/平, 速度=路程/时间."""

import re

from glmtts.text.normalisation.rules import Rule
from glmtts.text.numbers_zh import cardinal

# What has a number and no share. A line of a date (3/15号) is none of these.
_NUMBERED = (
    r"型(?![材钢号])|号(?:线|楼|门|馆|桌|机组|选手|房|店|厅|院|井|窗口|出口|站台|染色体|车|坑|泊位|病房|柜|库|厂房)|"
    r"班(?![级次组车机列轮费])|年级|楼(?![层盘市房宇面板龄])|单元(?!测)|线(?:城市|品牌)|月份|级(?:大?风|阵风|伤残)"
)
# A number above twelve is no month: 16/18号.
_NO_MONTH = r"(?:1[3-9]|[2-9]\d|\d{3})(?:/\d{1,3}){1,3}(?=号)"
_CHINESE = "[一-鿿]"
# How names of quantities end; what else a stroke parts are alternatives and paths: 网址=首页/新闻.
_QUANTITY = "[量度程间积率力数额本价值重长高压流阻功速距入出润产费资款金分]"
_SIDE = rf"{_CHINESE}{{0,7}}{_QUANTITY}"


def _alternatives(match: re.Match[str]) -> str:
    """1/2 before 号线 is 一、二."""
    return "、".join(map(cardinal, match[0].split("/")))


# Before dates and fractions.
FIRST: list[Rule] = [
    Rule(rf"(?<![\d./第])(?:\d{{1,3}}(?:/\d{{1,3}}){{1,3}}(?={_NUMBERED})|{_NO_MONTH})", _alternatives, needs="/"),
    # a formula in words: 速度=路程/时间, 路程/时间=速度, but 男/女=1:2 is a ratio
    Rule(
        rf"([=＝]\s?[^，。；\n=＝/]{{0,20}}(?:{_QUANTITY}|[)）]))\s?/\s?(?=[一-鿿(（])",
        lambda m: f"{m[1]}除以",
        needs="/",
    ),
    Rule(
        rf"(?<!/)({_SIDE})\s?/\s?({_SIDE})(?=\s?[=＝](?!\s?(?:\d+[:：∶]\d|[\"'])))",
        lambda m: f"{m[1]}除以{m[2]}",
        needs="/",
    ),
    # of a function and its unknown a stroke makes a fraction: sinx/x
    Rule(
        r"(?<![A-Za-z])(sin|cos|tan|ln|log|lg)\s?([a-z])/([a-z])(?![A-Za-z/])",
        lambda m: f"{m[3]}分之{m[1]} {m[2]}",
        needs="/",
    ),
]
