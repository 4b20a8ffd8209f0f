"""Mandarin scores with a hyphen that no word names: between two sides (德国4-1苏格兰) and set by set (6-2、6-3)."""

import re

from glmtts.text.normalisation.rules import Rule
from glmtts.text.numbers_zh import number

_COUNTRIES = (
    "中国|日本|韩国|朝鲜|泰国|越南|印度|印尼|伊朗|伊拉克|沙特|卡塔尔|阿联酋|阿曼|巴林|约旦|叙利亚|澳大利亚|新西兰|英格兰|"
    "苏格兰|威尔士|爱尔兰|英国|法国|德国|意大利|西班牙|葡萄牙|荷兰|比利时|瑞士|瑞典|丹麦|挪威|芬兰|波兰|捷克|克罗地亚|塞尔维亚|"
    "奥地利|匈牙利|罗马尼亚|乌克兰|俄罗斯|土耳其|希腊|美国|加拿大|墨西哥|巴西|阿根廷|乌拉圭|智利|秘鲁|哥伦比亚|"
    "厄瓜多尔|巴拉圭|多米尼加|波多黎各|哥斯达黎加|古巴|摩洛哥|埃及|突尼斯|塞内加尔|加纳|喀麦隆|尼日利亚|科特迪瓦|南非|"
    "马来西亚|新加坡|乌兹别克斯坦|哈萨克斯坦|斯洛伐克|斯洛文尼亚|格鲁吉亚|阿尔巴尼亚|冰岛|以色列"
)
_TEAMS = (
    "北京|上海|天津|广东|广厦|广州|深圳|浙江|江苏|山东|山西|辽宁|新疆|四川|福建|吉林|青岛|南京|宁波|同曦|首钢|北控|河南|武汉|"
    "成都|大连|长春|沧州|国安|申花|海港|泰山|湖人|勇士|凯尔特人|热火|雄鹿|掘金|快船|太阳|国王|独行侠|火箭|马刺|"
    "雷霆|森林狼|灰熊|鹈鹕|尼克斯|篮网|76人|猛龙|公牛|骑士|活塞|步行者|老鹰|黄蜂|魔术|奇才|开拓者|爵士|"
    "皇马|巴萨|马竞|塞维利亚|瓦伦西亚|曼城|曼联|利物浦|阿森纳|切尔西|热刺|纽卡斯尔|维拉|西汉姆联?|埃弗顿|水晶宫|布莱顿|"
    "富勒姆|狼队|拜仁|多特蒙德|多特|勒沃库森|莱比锡|国际米兰|国米|AC米兰|尤文图斯|尤文|那不勒斯|罗马|拉齐奥|巴黎圣日耳曼|大巴黎|"
    "里昂|马赛|摩纳哥|阿贾克斯|本菲卡|波尔图|迈阿密国际|利雅得胜利|国足|国羽|国乒|国奥"
)
_SQUAD = "(?:[男女]?[足篮排乒羽]|国家|[国青]?奥|U\\d\\d|[男女])?(?:队|球|足|羽|乒)?"
_SIDE = rf"(?:{_COUNTRIES}|{_TEAMS}|[男女][足篮排]|队)"
_SIDE_BEFORE = re.compile(rf"{_SIDE}{_SQUAD}$")
_SIDE_AFTER = re.compile(_SIDE)
# The family names of players; 张, 段 and others that count things are names where the numbers fall.
_FAMILY = (
    "王李张刘陈杨赵黄周吴徐孙马朱胡林郭何高罗郑梁谢宋唐许邓冯韩曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢"
    "姚钟姜崔谭陆范汪廖石金贾韦夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向汤樊商"
)
_MEASURES = "张段万毛石方于向江高金任"
_PLAYER_BEFORE = re.compile(rf"(?:^|[，。；：、！？,;:\s半决]|[赛中战轮局])[{_FAMILY}][一-鿿]{{1,2}}$")
_PLAYER_AFTER = re.compile(rf"[{_FAMILY}][一-鿿]{{1,2}}(?=[，。；！？、,;!?\s）)]|$|夺|晋|获|赢|率先)")
_LONGEST_SIDE = 12  # characters in which the name of a side is looked for
# Figures, textbooks, houses and classes have hyphens, too.
_NAMED_BEFORE = re.compile(r"[图圖表式例题題章节课价格温度量长宽约单元室房修册第]\s?$")
_PAIR = r"\d{1,2}-\d{1,2}"
_NO_NOUN = r"(?![\d./-]|[号栋楼班室座单元题页章节月年级岁天])"
_LIST = rf"(?<![\dA-Za-z./:第满号栋楼-]){_PAIR}(?:\s?(?:[、，,;；/和及]|以及)\s?{_PAIR}){{1,6}}{_NO_NOUN}"
_PAIRS = re.compile(r"(\d{1,3})[-–](\d{1,3})")
_FEWEST = 6  # points or games that win the shortest set


def _said(written: str) -> str:
    return _PAIRS.sub(lambda pair: f"{number(pair[1])}比{number(pair[2])}", written)


def _between_sides(match: re.Match[str]) -> str:
    before = match.string[max(0, match.start() - _LONGEST_SIDE) : match.start()]
    after = match.string[match.end() : match.end() + _LONGEST_SIDE]
    teams = _SIDE_BEFORE.search(before) and _SIDE_AFTER.match(after)
    return _said(match[0]) if teams or _are_players(match, before, after) else match[0]


def _are_players(match: re.Match[str], before: str, after: str) -> bool:
    first, last = map(int, match.groups())
    return (
        max(first, last) <= 4
        and (first > last or after[0] not in _MEASURES)
        and _PLAYER_BEFORE.search(before) is not None
        and _PLAYER_AFTER.match(after) is not None
    )


def _sets(match: re.Match[str]) -> str:
    """Pairs that could all end a set are scores, if one of them falls, which no span does."""
    pairs = [(int(low), int(high)) for low, high in _PAIRS.findall(match[0])]
    falls = any(first > last for first, last in pairs)
    named = _NAMED_BEFORE.search(match.string[max(0, match.start() - 3) : match.start()])
    return _said(match[0]) if falls and not named and all(max(pair) >= _FEWEST for pair in pairs) else match[0]


RULES: list[Rule] = [
    Rule(r"(?<=[一-鿿])(\d{1,3})[-–](\d{1,3})(?=[一-鿿])", _between_sides),
    Rule(_LIST, _sets, needs="-"),
]
