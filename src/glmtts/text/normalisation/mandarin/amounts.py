"""What Mandarin rules share: amounts before measure words, signs, ranges."""

from glmtts.text.normalisation.rules import AMOUNT
from glmtts.text.numbers_zh import number

FREE = r"(?<![\dA-Za-z.^])(?<!\d,)"
SIGNED = rf"(?<![\dA-Za-z.)）^])(?<!\d,)[-−+±]?(?:{AMOUNT})"
# A hyphen after a tilde is the sign of the second number: -10~-5.
TO = r"\s?(?:[~～]{1,2}|[-–—－]{1,2}|至|到)\s?"
# Measure words before which 2 is 两.
COUNTED = (
    "个只条张本件位名次天周岁家间双套层座辆台部支枝棵颗朵片块根把份杯碗瓶盒包袋箱头匹口种点分秒"
    "时小倍元角毛步句首场门节排组对群批项亩吨米斤公厘毫平立海英千万亿人年成粒罐桶枚幅篇滴勺盘顿趟遍堂户束串"
)
SCALE = r"[万亿千百]{0,2}"


def amount(written: str) -> str:
    """A number before something counted: 2 is 两, but 12 is 十二 and 2.5 二点五."""
    return "两" if written == "2" else signed(written)


def signed(written: str) -> str:
    """A number with any sign."""
    return number(written)


def spread(low: str, high: str | None, unit: str = "") -> str:
    """两到三, or one amount."""
    return f"{amount(low)}到{amount(high)}{unit}" if high else amount(low) + unit
