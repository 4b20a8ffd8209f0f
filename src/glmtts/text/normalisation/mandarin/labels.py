"""Colons behind a number that no clock has: 步骤1：10分钟, 套餐2：50元, 图3：15岁, 约翰福音3:16."""

import re

from glmtts.text.normalisation.rules import Rule
from glmtts.text.numbers_zh import cardinal

# After these a number is a name. 地图, 时间表 and the like are things that a time may follow.
_LABELS = (
    r"(?:套餐|步骤|方法|阶段|任务|类型|答案|线路|路线|产品|优惠|福利|理由|策略|技巧|规则|问题|方案|附图|附表|附件|案例|习题|例题|选项|情形|原因|奖项|备注|注释|要点|(?<![地截视版企意])图|"
    r"(?<![时间程刻手课钟班代发])表|(?<!比)例|(?<![考试])题|第)"
)
# What follows an amount and never a time of day.
_AMOUNTS = (
    r"(?:分钟|元(?![旦宵首月老素])|块钱|美元|欧元|小时(?!候)|岁|[万亿][元人个]|[%％℃‰]|度(?!过)|公里|公斤|千克|斤|厘米|毫米|"
    r"平米|平方|页|倍|折(?![返叠])|个(?![人体性别])|[人台条张本件名](?=[，。；、,;)）]|$))"
)
_BOOKS = (
    r"福音|创世[记纪]|出埃及记|利未记|民数记|申命记|诗篇|箴言|雅歌|约伯记|传道书|以赛亚书|耶利米书|罗马书|哥林多[前后]书|"
    r"加拉太书|以弗所书|腓立比书|歌罗西书|提摩太[前后]书|希伯来书|雅各书|彼得[前后]书|约翰[一二三]书|使徒行传|启示录|"
    r"马太|马可|路加"
)


def _verse(match: re.Match[str]) -> str:
    """约翰福音3:16-18 is 三章十六节到十八节."""
    last = f"到{cardinal(match[4])}节" if match[4] else ""
    return f"{match[1]}{cardinal(match[2])}章{cardinal(match[3])}节{last}"


RULES: list[Rule] = [
    Rule(rf"({_BOOKS})\s?(\d{{1,3}})[:：](\d{{1,3}})(?:[-–~～](\d{{1,3}}))?(?!\d)", _verse),
    Rule(
        rf"({_LABELS}\s?)(\d{{1,2}})\s?[:：]\s?(?=\d)(?!\d\d(?:之?前|准时|截止|开始))",
        lambda m: f"{m[1]}{cardinal(m[2])}：",
    ),
    Rule(
        rf"(?<![\d:：.])(?<![比以])(\d{{1,2}})[:：](?=\d{{2}}(?:\.\d+)?{_AMOUNTS})",
        lambda m: f"{cardinal(m[1])}：" if re.search(r"[一-鿿A-Za-z]$", m.string[: m.start()][-1:]) else m[0],
    ),
]
