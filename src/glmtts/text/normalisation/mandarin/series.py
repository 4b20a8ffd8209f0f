"""Mandarin numbers of a make or a share that are read by their digits: 85折, 101中学, 99A坦克."""

from glmtts.text.normalisation.mandarin.amounts import TO
from glmtts.text.normalisation.rules import Rule
from glmtts.text.numbers_zh import digits

_ARMS = (
    r"(?:主战|轻型|重型|自动|半自动|突击|狙击|通用|班用|轻|重|两栖|水陆|自行|履带|轮式|步兵){0,3}"
    r"(?:坦克|步枪|冲锋枪|手枪|机枪|狙击枪|榴弹炮|火炮|加榴炮|高炮|战车|装甲(?:车|运输车|输送车)|火箭筒|刺刀)"
)
RULES: list[Rule] = [
    # 85折 is 八五折; 折 may also fold (12折页) and 7.5折 has its point.
    Rule(
        rf"(?<![\d.A-Za-z])(?:([1-9]\d?){TO})?([1-9][1-9])\s?(?=折(?![叠页扇返纸线痕]))",
        lambda m: (f"{digits(m[1])}到" if m[1] else "") + digits(m[2]),
    ),
    # a school, unless pupils or schools are counted: 共150中学
    Rule(
        r"(?<![\d.A-Za-z第共有约达近余])(?!\d00)([1-9]\d\d)(?=中学(?!生|教师|老师|课))",
        lambda m: digits(m[1]),
    ),
    Rule(
        rf"(?<![\d.A-Za-z第-])(\d\d)(?=[A-Z]{{0,2}}(?:式{_ARMS}|(?:主战)?坦克)|[A-Z]式)",
        lambda m: digits(m[1]),
    ),
]
