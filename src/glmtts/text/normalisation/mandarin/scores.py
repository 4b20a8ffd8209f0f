"""Mandarin ratios and scores: 比分21:19，21:17, 首局21:15, 巴西队1-0小胜, 以2-1逆转."""

import re

from glmtts.text.normalisation.rules import Rule
from glmtts.text.numbers_zh import number

_BEFORE = (
    r"(?:[比局盘]分|比例|比率|配比|之比|占比|赔率|胜率|[以比]|得分|大比分|战平|领先|落后|击败|战胜|险胜|完胜|惜败|"
    r"负于|不敌|逼平|横扫|按|尺寸|画幅|宽高比|比值)"
)
# Verbs that a score stands before; "8:30大家集合" and "9:00负责人" are times.
_VERBS = (
    r"(?:获胜|获得[胜冠亚季]|战胜|战平|战成|险胜|险平|击败|惜败|惜平|大胜|大败|完胜|完败|力克|力压|取胜|横扫|逼平|小胜|小负|轻取|逆转|绝杀|"
    r"绝平|扳平|反超|握手言和|言和|告负|告捷|翻盘|淘汰|落败|胜出|领先|落后|胜(?!利大会)|负(?!责)|平(?![安时均台板])|不敌|"
    r"赢(?!家)|输(?![入出液送])|[的之]?(?:比例|比率|大?比分|配比))"
)
_SET = r"(?:(?:[首次末决每][局盘节场]|第[一二三四五\d][局盘节场])(?:比赛)?)"
_TIED = r"(?:战成|踢成|打成|扳成|改写为|改写成|锁定为|定格在|战平|踢平|逼平|战至)"
RATIO = r"\d+(?:\.\d+)?(?:\s?[:：∶]\s?\d+(?:\.\d+)?)"
# Sets after the first one, which a mark ends: 21:19，21:17.
_SETS = r"(?:[，、,；]\s?\d{1,2}[:：-](?:\d|[1-9]\d)(?=[，、；。,;)）！!]|$))"


def ratio(match: re.Match[str]) -> str:
    """Each number with 比 between; marks between sets stay."""
    said = re.sub(r"\s?[:：∶–-]\s?", "比", match["ratio"])
    return re.sub(r"\d+(?:\.\d+)?", lambda part: number(part[0]), said)


def _after_word(match: re.Match[str]) -> str:
    return match["word"] + ratio(match)


def _may_be_score(match: re.Match[str]) -> bool:
    """Whether two falling numbers are no figure, price or clause of something else."""
    before = match.string[max(0, match.start() - 3) : match.start()]
    return re.search(r"[图圖表式例题題章节课价格温度量长宽约单元室房]\s?$", before) is None


RULES: list[Rule] = [
    Rule(
        r"(?P<word>(?:[比局盘]分|决胜[局盘]|[单双]打|[男女][单双]|混双)[为是达约到了]?\s?[:：]?\s?)"
        rf"(?P<ratio>\d{{1,3}}[:：∶–-]\d{{1,3}}{_SETS}*)(?!\d|[名人位])",
        _after_word,
    ),
    Rule(rf"(?P<word>{_SET}\s?)(?P<ratio>\d{{1,2}}[:：–-]\d{{1,2}})(?!\d|[:：.点分])", _after_word),
    Rule(rf"(?P<word>{_BEFORE}[为是达约到了]?\s?[:：]?\s?)(?P<ratio>{RATIO}{{1,3}})(?!\d)", _after_word),
    Rule(rf"(?P<word>{_TIED}\s?)(?P<ratio>\d{{1,3}}[:：–-]\d{{1,3}})(?!\d)", _after_word),
    Rule(rf"(?P<ratio>(?<![\d:：.])\d{{1,3}}\s?[:：]\s?\d{{1,3}})(?={_VERBS})", ratio),
    Rule(rf"(?P<ratio>(?<![\d.-])\d{{1,3}}[-–]\d{{1,3}})(?={_VERBS}|拿下|获)", ratio),
    # What falls is no span: 6-4，7-6（7-5）, 勇士108-93.
    Rule(
        r"(?<![\dA-Za-z./第满号栋楼-])(?P<ratio>\d{1,2}-\d{1,2})(?=[，。！；,;!（）()]|\s*$)",
        lambda m: ratio(m) if int(m[0].split("-")[0]) > int(m[0].split("-")[1]) and _may_be_score(m) else m[0],
    ),
    Rule(
        r"(?<=[一-鿿])(?<![满从价格温度量])(?P<ratio>(?:1\d\d|[6-9]\d)[-–](?:1\d\d|[6-9]\d))(?=[，。！；,;!\s]|$)",
        lambda m: ratio(m) if int(re.split("[-–]", m[0])[0]) > int(re.split("[-–]", m[0])[1]) else m[0],
    ),
]
