"""Mandarin numbers of houses, flats and classes, and the sign of 号 behind a number: 8号楼2-301, 3-2班, 95#, 5#楼."""

import re

from glmtts.text.normalisation.rules import Rule
from glmtts.text.numbers_zh import cardinal, digits

# What 号 stands behind the number of; a topic (#话题#) begins with none of these.
_NUMBERED = r"(?:楼|栋|幢|座|宿舍|机|汽油|柴油|钢|厂房|仓|泵|炉|井|门|桌|车间|主?变|塔|线|罐|炮|坑|墩)"
_GRADES = r"(?:0|[1-5]0|35|89|9[0-8])"
# A list has the word behind its last number only: 1#、2#楼.
_LISTED = r"(?:[、，,和及与~～-]\s?\d{1,3}#)*"
_FLAT = r"[1-9]\d?[0-3]\d"


def _numbered(match: re.Match[str]) -> str:
    """12#楼 is 十二号楼, -10#柴油 负十号柴油."""
    return f"{'负' if match['minus'] else ''}{cardinal(match['number'])}号"


def _beside(match: re.Match[str]) -> str:
    """8-2号 of a door is 八杠二号, and what rises may be a span: 8-12号."""
    if not match["door"] and int(match["first"]) < int(match["last"]):
        return match[0]
    return f"{match['door'] or ''}{cardinal(match['first'])}杠{cardinal(match['last'])}"


# Before topics and dates.
FIRST: list[Rule] = [
    Rule(rf"(?P<minus>)(?<![\dA-Za-z#.-])(?P<number>\d{{1,3}})#(?={_LISTED}{_NUMBERED})", _numbered, needs="#"),
    # of petrol and diesel the grade alone is enough
    Rule(
        rf"(?<![\dA-Za-z#.])(?P<minus>(?<!\d)-)?(?P<number>{_GRADES})#(?=[每汽柴和、，。,；;\s与或涨降的油]|$)",
        _numbered,
        needs="#",
    ),
    # flats by their floor and door: 8号楼2-301, 2-1-301
    Rule(
        rf"(?<=[楼栋幢座])(\d{{1,2}})-({_FLAT})(?![\d-]|\.\d|[元块米])",
        lambda m: f"，{cardinal(m[1])}，{digits(m[2])}",
        needs="-",
    ),
    Rule(
        rf"(?<![\dA-Za-z.-])(\d{{1,2}})-(\d{{1,2}})-({_FLAT})(?![\dA-Za-z-]|\.\d|[天元块人次个米年岁])",
        lambda m: f"{cardinal(m[1])}，{cardinal(m[2])}，{digits(m[3])}",
        needs="-",
    ),
    Rule(
        r"(?P<door>门牌号?码?[是为:：]{0,2}\s?)(?P<first>\d{1,4})-(?P<last>\d{1,3})(?![\d-])",
        _beside,
        needs="-",
    ),
    Rule(
        r"(?P<door>)(?<=[路街巷弄村])(?P<first>\d{1,4})-(?P<last>\d{1,3})(?=号(?![楼线至到]))",
        _beside,
        needs="-",
    ),
    Rule(r"(?P<door>)(?<![\d.-])(?P<first>\d{1,2})-(?P<last>\d{1,2})(?=班(?![次车机]))", _beside, needs="-"),
]
