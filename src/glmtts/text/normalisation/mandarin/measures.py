"""Mandarin percentages, temperatures and measures with any unit: 130/85mmHg, 6.1mmol/L, 5'30", 3×4米."""

import re

from glmtts.text.mandarin import CHINESE
from glmtts.text.normalisation.mandarin.amounts import AMOUNT, FREE, SCALE, SIGNED, TO, amount, signed, spread
from glmtts.text.normalisation.mandarin.money import per
from glmtts.text.normalisation.rules import Rule, is_inch
from glmtts.text.normalisation.units import ATOM, WRITTEN, unit_of
from glmtts.text.numbers_zh import digits, number

# Units that Mandarin writes itself and that take a share: 次/分, 公里/小时.
_OWN = (
    "公里|千米|里|米|厘米|毫米|千克|公斤|克|毫克|吨|斤|升|毫升|次|个|件|人|台|套|户|本|字|页|帧|转|度|瓦|"
    "千瓦时|千卡|平方米|平米|立方米|小时|分钟|秒|天"
)
# Things that hold or are an amount: 500ml/瓶, 12瓶/箱, 5mg/片.
_THINGS = (
    "瓶|箱|盒|袋|包|片|粒|支|罐|桶|杯|份|板|颗|枚|条|块|件|套|台|辆|张|只|组|间|层|户|人|天|日|次|周|月|年|晚|斤|公斤|"
    "克|千克|升|亩|株|头|棵|位|名|场|节|页|餐|顿|听|管|贴|筐|吨|平|平米|平方|平方米"
)
_TEMPERATURE = rf"(?P<low>{SIGNED})(?:\s?°?[CF]?{TO}(?P<high>[-−+]?{AMOUNT}))?\s?"
_SHARES = {"%": "百分之", "‰": "千分之", "‱": "万分之"}


def _percent(match: re.Match[str]) -> str:
    share, low, high = _SHARES[match["sign"]], match["low"], _high(match)
    sign = {"-": "负", "−": "负", "+": "正", "±": "正负"}.get(low[0], "")
    spoken = f"{sign}{share}{number(low.lstrip('-−+±'))}"
    if not high:
        return spoken
    negative = "负" if high[0] in "-−" else ""
    return f"{spoken}到{negative}{share}{number(high.lstrip('-−+'))}"


def _high(match: re.Match[str]) -> str | None:
    """The second amount; of two hyphens after a negative one, the second is its sign: -20℃--5℃."""
    high: str | None = match["high"]
    between = match.string[match.end("low") : match.start("high")] if high else ""
    return f"-{high}" if "--" in between and match["low"][0] in "-−" else high


def temperature(written: str) -> str:
    """-5 is 零下五."""
    return f"零下{number(written[1:])}" if written[0] in "-−" else signed(written)


def _degrees(match: re.Match[str], name: str) -> str:
    low, high = match["low"], _high(match)
    return temperature(low) + (f"到{temperature(high)}" if high else "") + name


def _angle(match: re.Match[str]) -> str:
    spoken = f"{number(match[1])}度"
    return spoken + (f"{number(match[2])}分" if match[2] else "") + (f"{number(match[3])}秒" if match[3] else "")


def _pressure(match: re.Match[str]) -> str:
    unit = unit_of(match[3], glued=True) if match[3] else None
    return f"{number(match[1])}，{number(match[2])}" + (unit.mandarin if unit else "")


def _measure(match: re.Match[str]) -> str:
    unit = unit_of(match["unit"], glued=match["gap"] != " ", letters=match["unit"] == "A")
    if unit is None:
        return match[0]
    low, high, scale = match["low"], match["high"], match["scale"]
    follows = match.string[match.end() : match.end() + 1]
    if match["unit"] == "A" and not _is_current(match, follows):
        return match[0]  # 5A景区, 座位12A
    if high:
        return f"{amount(low)}到{amount(high)}{scale}{unit.mandarin}"
    return (number(low) + scale if scale else amount(low)) + unit.mandarin


def _is_current(match: re.Match[str], follows: str) -> bool:
    """Whether an A behind a number is of amperes: by what follows it, or by a word of electricity before it."""
    if CHINESE.match(follows):
        return follows in "的电充快输保空"
    before = match.string[max(0, match.start() - 12) : match.start()]
    return re.search(r"[电流伏充熔插]|保险|开关|\d\s?V|[伏瓦]", before) is not None


def _own(match: re.Match[str]) -> str:
    share = unit_of("g/" + match["per"], glued=True) if match["per"].isascii() else None
    below = share.mandarin.removeprefix("克") if share else f"每{match['per']}"
    return f"{spread(match['low'], match['high'])}{match['scale']}{match['unit']}{below}"


def _sides(match: re.Match[str]) -> str:
    """3cm×4cm and 10*20*30."""
    parts = re.findall(rf"({AMOUNT})\s?([A-Za-z]*)", match["sides"])
    said = []
    for value, written in parts:
        unit = unit_of(written, glued=True) if written else None
        if written and unit is None:
            return match[0]
        said.append(number(value) + (unit.mandarin if unit else ""))
    return "乘".join(said)


def _basis_points(match: re.Match[str]) -> str:
    """降息25bp; the rate of a line is in bits, and genes are counted in pairs of bases."""
    around = match.string[max(0, match.start() - 8) : match.end() + 4]
    return (
        match[0]
        if re.search("带宽|速率|网速|码率|波特|传输|片段|条带|DNA|序列|碱基", around)
        else f"{amount(match[1])}个基点"
    )


# Of these 10W is 十万 rather than ten watts.
_COUNTS = (
    r"粉丝|粉|阅读|播放|点赞|关注|浏览|销量|收藏|转发|评论|用户|人次|热度|流量|观看|曝光|访问|下载|月入|年入|年薪|月薪|收入|存款|"
    r"首付|预算|奖金|房价|车价|总价|成本|营收|利润|字数|会员|点击"
)


def _watts(match: re.Match[str]) -> str:
    """10W+, 粉丝10W and 10W粉丝 count; the small letter is read so by the last rules."""
    before = re.split("[，。；！？,;]", match.string[max(0, match.start() - 8) : match.start()])[-1]
    after = match.string[match.end() : match.end() + 4]
    counts = re.search(_COUNTS, before) or re.match(
        rf"\+|多(?![瓦])|[的个名位]?(?:{_COUNTS})|[人元块字](?![造])", after
    )
    if not counts:
        return match[0]
    return f"{match[1]}w" + (f"到{match[2]}w" if match[2] else "")


RULES: list[Rule] = [
    # A unit of a power, before its exponent is taken for a number of them: 3×10^8m/s.
    Rule(
        rf"(?<=\d)(\s?(?:\^|\*\*)\s?[-−+]?\d{{1,3}}|\s?(?:\^|\*\*)\s?[(（{{][-−+]?\d{{1,3}}[)）}}])\s?(?P<unit>{WRITTEN})(?![A-Za-z\d^/])",
        lambda m: m[1] + unit.mandarin if (unit := unit_of(m["unit"], glued=True)) else m[0],
    ),
    # The same below a slash: 4.5×10^9/L.
    Rule(rf"(?<=\^\d)(\d?)/(?P<unit>{ATOM})(?![A-Za-z\d^/])", lambda m: m[1] + per(m["unit"])),
    Rule(
        rf"(?<=\d)(\s?(?:[A-Za-zμ]{{1,4}}|[一-鿿]{{1,2}}))/({_THINGS})(?=[，。、；！？,.;!?）)\s×的装起左以]|$)",
        lambda m: f"{m[1]}每{m[2]}",
        needs="/",
    ),
    Rule(r"(?<![\d.])(\d{1,3})\s?(?:bps|bp|BP|BPS)(?![A-Za-z/])", _basis_points),
    # two digits of a metre without a unit: 1米75 is 一米七五
    Rule(
        r"(?<![\d.])([12])米(\d\d)(?=[，。、；！？,;!?）)\s的高多左以身]|$)",
        lambda m: f"{amount(m[1])}米{digits(m[2])}",
    ),
    # round the clock: 7x24h
    Rule(r"(?<=7[xX×*]24)h(?![A-Za-z])", lambda m: "小时"),
    # revolutions, which have no letter among the units
    Rule(r"(?<=\d)\s?r/(min|s)(?![A-Za-z])", lambda m: "转每分" if m[1] == "min" else "转每秒"),
    # Spans of two units: 20Hz-20kHz.
    Rule(
        rf"{FREE}({AMOUNT}\s?(?P<one>{WRITTEN}))\s?[-~～–—]\s?(?={AMOUNT}\s?(?P<other>{WRITTEN})(?![A-Za-z\d/^]))",
        lambda m: f"{m[1]}到" if unit_of(m["one"], True) and unit_of(m["other"], True) else m[0],
    ),
    # else both numbers would run together: 1920×1080@60Hz, 4K@120fps
    Rule(r"(?:(?<=\d)|(?<=\d[KkPp]))\s?@\s?(?=\d)", lambda m: "，", needs="@"),
    Rule(rf"(?<![\d.A-Za-z])({AMOUNT})W(?:{TO}({AMOUNT})W)?(?![A-Za-z/·*])", _watts, needs="W"),
    # a sign behind what is compared is its direction: 同比+12.5%
    Rule(r"(?<=[同环]比)\s?([-−+])(?=[\d.]+\s?[%‰])", lambda m: "增长" if m[1] == "+" else "下降", needs="比"),
    Rule(rf"(?P<low>{SIGNED})\s?[%‰]?(?:{TO}(?P<high>[-−+]?{AMOUNT}))?\s?(?P<sign>[%‰‱])", _percent),
    Rule(rf"{_TEMPERATURE}(?:°\s?C(?![A-Za-z])|摄氏度)", lambda m: _degrees(m, "摄氏度")),
    Rule(rf"{_TEMPERATURE}(?:°\s?F(?![A-Za-z])|华氏度)", lambda m: _degrees(m, "华氏度")),
    Rule(
        rf"(?P<word>(?:气温|温度|体温|室温|水温|低温|高温|最低|最高|降至|升至|零下|今[天日]|明[天日]|白天|夜间|晚上|早晨)[^，。；,;\d]{{0,6}}?)(?P<low>[-−]{AMOUNT})(?:{TO}(?P<high>[-−+]?{AMOUNT}))?(?=度)",
        lambda m: m["word"] + (_degrees(m, "") if m["high"] else signed(m["low"])),
    ),
    # Alone, as in the head of a table: 单位：℃, 单位：㎡.
    Rule(
        r"(?<![\dA-Za-z零一二三四五六七八九十])°\s?([CF])(?![A-Za-z])", lambda m: "摄氏度" if m[1] == "C" else "华氏度"
    ),
    Rule(r"(?<![\w^/])([kcdm]?m)([23])(?![\w^.])", lambda m: unit.mandarin if (unit := unit_of(m[0], True)) else m[0]),
    Rule(rf"({SIGNED})°(?:\s?(\d+)[′'](?:\s?(\d+(?:\.\d+)?)[″\"])?)?", _angle, needs="°"),
    Rule(r"(?<![\d.])(\d{2,3})\s?/\s?(\d{2,3})\s?(mmHg|毫米汞柱|kPa)", _pressure, needs="/"),
    # A share of a unit: 1/250s, 1/2kg.
    Rule(
        rf"(?<![\d./])(\d{{1,2}})/(\d{{1,5}})\s?(?P<unit>{WRITTEN})(?![A-Za-z\d^/])",
        lambda m: (
            f"{number(m[2])}分之{number(m[1])}{unit.mandarin}"
            if int(m[1]) < int(m[2]) and (unit := unit_of(m["unit"], glued=True))
            else m[0]
        ),
        needs="/",
    ),
    # no fraction: 血压120/80
    Rule(
        r"(?<=血压)([为是:：约达高]{0,2}\s?)(\d{2,3})/(\d{2,3})",
        lambda m: f"{m[1]}{number(m[2])}，{number(m[3])}",
        needs="/",
    ),
    Rule(
        rf"{FREE}(?P<sides>{AMOUNT}\s?[a-z]{{0,2}}(?:\s?[xX×*]\s?{AMOUNT}\s?[a-z]{{0,2}}){{1,2}})(?![A-Za-z\d^.])",
        lambda m: _sides(m) if re.search("[a-wyz]", m["sides"]) else m[0],
    ),
    # of a height feet and inches, before these marks are minutes and seconds: 身高6'2"
    Rule(
        r"(?<=身高)([为是约达有：:]{0,2})([3-7])['′’](\d{1,2})[\"″”]?(?!\d)",
        lambda m: f"{m[1]}{number(m[2])}英尺{number(m[3])}英寸",
        needs="身高",
    ),
    Rule(r"(?<![\d.])(\d{1,2})['′’](\d{1,2})[\"″”]", lambda m: f"{number(m[1])}分{number(m[2])}秒"),
    Rule(
        r"(?<![\d.])(\d{1,3}(?:\.\d)?)\s?(?:″|\"|'')(?=[^\w]|[一-鿿]|$)",
        lambda m: f"{number(m[1])}英寸" if is_inch(m) else m[0],
    ),
    # the m behind hours is of minutes: 2h30m
    Rule(r"(?<![\d.])(\d{1,2})h\s?(\d{1,2})m(?:in)?(?![A-Za-z])", lambda m: f"{amount(m[1])}小时{number(m[2])}分钟"),
    Rule(
        rf"(?P<low>{SIGNED})(?:{TO}(?P<high>{AMOUNT}))?(?P<scale>{SCALE})(?P<unit>{_OWN})/(?P<per>[A-Za-z]{{1,6}}|[一-鿿]{{1,2}})",
        _own,
        needs="/",
    ),
    # a span says its unit once: 10kg-15kg is 十到十五千克
    Rule(
        rf"({AMOUNT})\s?(?P<same>{WRITTEN})\s?(?:[-~～–—]{{1,2}}|至|到)\s?(?={AMOUNT}\s?(?P=same)(?![A-Za-z\d/^]))",
        lambda m: f"{m[1]}-" if unit_of(m["same"], True) else m[0],
    ),
    Rule(
        rf"(?P<low>{SIGNED})(?:{TO}(?P<high>{AMOUNT}))?(?P<scale>{SCALE})(?P<gap>\s?)(?P<unit>{WRITTEN})(?![A-Za-z\d^]|/[A-Za-z])",
        _measure,
    ),
    # a share after words: 三元/kg
    Rule(r"(?<=[一-鿿])/(?P<unit>(?:kg|g|k?m\^?[23]|L|ml|h|min|s|d)(?![A-Za-z]))", lambda m: per(m["unit"]), needs="/"),
    # the second share, when the first one is words: 5元/人/天
    Rule(r"(?<=每[一-鿿])/([一-鿿])", lambda m: f"每{m[1]}"),
]
