"""Mandarin dates, years and spans of them: 2024-03-15, 85后, 1990-95年, 3月-5月, 9·18."""

import re

from glmtts.text.normalisation.mandarin.amounts import COUNTED
from glmtts.text.normalisation.rules import Rule
from glmtts.text.numbers_zh import cardinal, digits

_TO = r"\s?(?:[-~～–—－]{1,2}|至|到)\s?"
_NUMERALS = "零一二三四五六七八九十"
_MONTHS = {name: str(number + 1) for number, name in enumerate(
    ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"))}  # fmt: skip


def spoken_date(year: str | None, month: str, day: str) -> str:
    """二零二四年三月十五日; the written numbers where that is no date."""
    return (f"{digits(year)}年" if year else "") + f"{cardinal(str(int(month)))}月{cardinal(str(int(day)))}日"


def _is_date(month: str, day: str) -> bool:
    return 1 <= int(month) <= 12 and 1 <= int(day) <= 31


def _date(match: re.Match[str]) -> str:
    if not _is_date(match["month"], match["day"]):
        return match[0]
    return spoken_date(match["year"], match["month"], match["day"])


def _day_first(match: re.Match[str]) -> str:
    """15/3/2024 and 3/15/2024: the part over twelve is the day."""
    first, second = match[1], match[3]
    month, day = (second, first) if int(first) > 12 else (first, second)
    return spoken_date(match[4], month, day) if _is_date(month, day) else match[0]


def _month(match: re.Match[str]) -> str:
    return f"{digits(match[1])}年{cardinal(str(int(match[2])))}月" if 1 <= int(match[2]) <= 12 else match[0]


def _event(match: re.Match[str]) -> str:
    """9·18 and 12·9 are days by their digits."""
    return "".join(cardinal(part) if part == "10" else digits(part) for part in match.group(1, 2))


def _festival(match: re.Match[str]) -> str:
    """3.15晚会 is 三一五晚会, 9.10教师节 九月十日教师节."""
    return _event(match) if f"{match[1]}.{match[2]}" in _BY_DIGITS else spoken_date(None, match[1], match[2])


def _sale(match: re.Match[str]) -> str:
    """11.11购物节 is 双十一, 6.18大促 六一八."""
    return f"双{cardinal(match['double'])}" if match["double"] else digits(match["month"] + match["day"])


def _second_year(match: re.Match[str]) -> str:
    """公元2年 and 民国2-3年 are ordinals; 两 counts years."""
    return f"{match['era']}二" + (f"到{cardinal(match['last'])}" if match["last"] else "")


def _span(match: re.Match[str]) -> str:
    return f"{digits(match[1])}{match[2]}到{digits(match[3])}"


def _season(match: re.Match[str]) -> str:
    return (f"{digits(match[1])}年" if match[1] else "") + f"第{'一二三四'[int(match[2]) - 1]}季度"


def _half(match: re.Match[str]) -> str:
    """2024H1 is the first half of the year."""
    return f"{digits(match[1])}年{'上' if match[2] == '1' else '下'}半年"


# Named after their day: 10.1国庆节, 3.15晚会, 9.18事变.
_FESTIVALS = (
    r"(?:国际)?(?:国庆|晚会|儿童节|妇女节|女神节|女生节|劳动节|青年节|建军节|建党节|植树节|护士节|记者节|教师节|消费者|打假|"
    r"世界读书日|事变|惨案|起义|[爱学]?国?生?运动(?![量员会])|纪念日|公祭日|黄金周|小长假|长假|放假)"
)
_BY_DIGITS = frozenset(
    ("1.28", "3.8", "3.15", "4.12", "5.1", "5.4", "5.30", "6.1", "7.1", "7.7", "8.1", "9.18", "10.1", "12.9", "12.12")
)
# Two elevens or twelves are 双 where something is sold; 5.8促销 may be a price.
_SALES = (
    r"(?<![\d./])双?(?:(?P<double>1[12])\.(?P=double)|(?P<month>[568])\.(?P<day>1|18|20))"
    r"(?=大促|促销|年中|购物|狂欢|活动|电商|抢购|预售|期间|假期)"
)
# What a day is remembered for, and where it happened: 5.12汶川地震, 9.11恐怖袭击.
_PLACES = (
    r"(?:四川|汶川|唐山|青海|玉树|雅安|芦山|云南|鲁甸|台湾|日本|印尼|土耳其|天津港?|温州|甬温线|动车|东航|昆明|乌鲁木齐|新疆|"
    r"拉萨|响水|长沙|美国|纽约|巴黎|马德里){0,2}"
)
_HAPPENED = rf"{_PLACES}(?:特别)?(?:特大|重大)?(?:恐怖袭击|恐袭|袭击|事件|空难|爆炸|火灾)"
_REIGNS = (
    "公元前?|西元前?|民国|宣统|光绪|同治|咸丰|道光|嘉庆|乾隆|雍正|康熙|顺治|崇祯|万历|嘉靖|永乐|洪武|贞观|开元|建安|"
    "明治|大正|昭和|平成|令和"
)
# What follows a number of times or things in a week, and never a day of the week.
_TIMES = r"(?:\.\d|次(?!日)|趟|顿|篇|倍|小时|[%％]|天(?=[，。、；！？\s]|$)|场(?![地馆所合])|节课|更(?![新换多加]))"
_NOT_A_YEAR = "前|后|以|的?历史|来|多|里程"
_HELD = (
    r"(?:奥运会|冬奥会?|残奥会|亚运会|全运会|世界杯|欧洲杯|美洲杯|亚洲杯|世博会|高考|中考|国考|省考|考研|春晚|峰会|年会|大会|论坛|"
    r"车展|博览会|广交会|大选|财报|年报|跨年|世锦赛|奥斯卡)"
)
_COUNTED_AFTER = f"[{COUNTED}名余]|学生|考生|观众|选手|球迷"
RULES: list[Rule] = [
    # the T of ISO 8601, before the rule below takes the date away from it
    Rule(r"(?<=\d{4}-\d\d-\d\d)T(?=\d\d:\d\d)", lambda m: " "),
    Rule(r"(?<![\d.])(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})[日号]?(?![\d.])", _date),
    # a date without marks: 20240315
    Rule(
        r"(?<!\d)(?P<year>(?:19|20)\d\d)(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])(?!\d|[.]\d|[元个人])",
        _date,
    ),
    Rule(r"(?<![\d/])(\d{1,2})([/.])(\d{1,2})\2((?:19|20)\d\d)(?!\d)", _day_first),
    # two digits of a year in front: 24/3/15
    Rule(r"(?<![\d/.])(?P<year>\d\d)/(?P<month>\d{1,2})/(?P<day>\d{1,2})(?![\d/])", _date),
    Rule(r"(?<!\d)(\d{4})(年?)(?:\s?[-~～–—－]{1,2}\s?|到)(\d{4})(?=年)", _span, needs="年"),
    Rule(r"(?<!\d)((?:19|20)\d\d)(年?)(?:\s?[-~～–—－]{1,2}\s?|到)((?:19|20)\d\d)(?!\d)", _span),
    # The years of a life in brackets, titles, and what is held in a year: （1881—1936）, 《1984》, 2008北京奥运会.
    Rule(
        r"(?<=[（(])(1\d{3})\s?[-~～–—－]{1,2}\s?(1\d{3}|20\d\d)?(?=[）)])",
        lambda m: f"{digits(m[1])}到{digits(m[2] or '今')}",
    ),
    Rule(r"(?<=[《〈])(?:1[5-9]|20)\d\d(?=[》〉])", lambda m: digits(m[0])),
    Rule(rf"(?<![\d.])(?:19[5-9]|20[0-4])\d(?=(?!{_COUNTED_AFTER})[一-鿿]{{0,6}}?{_HELD})", lambda m: digits(m[0])),
    Rule(r"(?<!\d)((?:19|20)\d\d)()[-–—~～/](\d\d)(?=年|学年|赛季|财年|年度)", _span),
    Rule(r"(?<!\d)((?:19|20)\d\d)()/((?:19|20)\d\d)(?=年|学年|赛季|财年|年度)", _span),
    # A year in brackets: 国发〔2023〕15号, （2024）京01民终123号.
    Rule(r"(?<=[〔\[（(])(?:1[89]|20)\d\d(?=[〕\]）)](?![元块个人名万亿年]))", lambda m: digits(m[0])),
    Rule(r"(?<![\dA-Za-z])((?:19|20)\d\d)?\s?年?\s?[Qq]([1-4])(?!\d)", _season),
    # a quarter makes a year of two digits: 23Q4
    Rule(r"(?<![\dA-Za-z.])([12]\d)(?:年\s?)?[Qq]([1-4])(?!\d)", _season),
    Rule(
        r"(?<![\d.])(?:19[5-9]|20[0-4])\d(?=(?:上半年|下半年|全年|年度|新年|元旦|春节|国庆|[春夏秋冬]季|第[一二三四1-4]季|财年|校招|届))",
        lambda m: digits(m[0]),
    ),
    # a clock time behind it makes a date of what is a span: 12-25 10:32
    Rule(r"(?<![\d./-])(?P<year>)(?P<month>0?[1-9]|1[0-2])-(?P<day>0?[1-9]|[12]\d|3[01])(?=\s\d{1,2}[:：]\d\d)", _date),
    Rule(r"(?<!\d)((?:19|20)\d\d)\s?年?\s?H([12])(?![A-Za-z\d])", _half, needs="H"),
    Rule(rf"(?P<era>{_REIGNS})2(?:{_TO}(?P<last>\d{{1,2}}))?(?=年(?!前))", _second_year, needs="年"),
    # A mark for the century, and no quote: '24年, '98世界杯.
    Rule(
        rf"(?<![\dA-Za-z'’])['’](\d\d)(?!.{{0,30}}['’](?!\d))(?=年(?!代)|届|级|[一-鿿]{{0,4}}?{_HELD})",
        lambda m: digits(m[1]),
    ),
    # without the mark it may be a count, but not of these: 98世界杯, 08奥运
    Rule(r"(?<![\d.A-Za-z第])(?:0\d|[89]\d)(?=世界杯|欧洲杯|奥运|亚运|冬奥|春晚)", lambda m: digits(m[0])),
    # digit by digit, unless years are counted: 3000年前
    Rule(r"(?<![\d.])(\d{4})\s?(?=年(?!" + _NOT_A_YEAR + "))", lambda m: digits(m[1]), needs="年"),
    # before these a round number counts: 2000年前, but 1949年以后
    Rule(r"(?<![\d.])((?:1[5-9]|20)\d\d)(?=年(?:前|后|以|来))", lambda m: digits(m[1]) if m[1][-2:] != "00" else m[1]),
    # a month with its year, before spans: 2024-03
    Rule(r"(?<![\d-])((?:19|20)\d\d)[-/.](0[1-9]|1[0-2])(?![\d-])", _month),
    Rule(
        r"(?<![\d.])(0\d|[89][1-9]|[12]\d)(?=年(?!代|前|后|内|来|间|以|的|了|时|多|级别|级|龄|期|度))",
        lambda m: digits(m[1]) if _short_year(m) else m[1],
        needs="年",
    ),
    Rule(r"(?<![\d.])(\d{4})(?=(?:级|届|款|版|赛季|财年)(?![别]))", lambda m: digits(m[1])),
    # the year in which pupils began; alone 20级 is a level
    Rule(r"(?<![\d.])(\d\d)(?=级(?:学生|新生|本科|毕业|研究生|同学|校友))", lambda m: digits(m[1])),
    # 后 stands behind the last of them only: 70、80、90后
    Rule(r"(?<![\d.第])([5-9][05]|0[05]|10)(?=(?:[、和与及/](?:[5-9][05]|0[05]|10))+后)", lambda m: digits(m[1])),
    # not before 后天 and 后来, which are words
    Rule(r"(?<![\d.第])([06-9][05]|[1-5]5|10|00)(?=后(?!退|的?[一二三两\d]|天|面|来|续|续))", lambda m: digits(m[1])),
    Rule(
        r"(?<![\d.])([12]\d)?(\d0)(['’]?)s(?![A-Za-z])",
        lambda m: f"{digits((m[1] or '') + m[2]) if m[1] else cardinal(m[2])}年代" if _is_decade(m) else m[0],
        needs="s",
    ),
    Rule(_SALES, _sale),
    Rule(rf"(?<![\d./])([1-9]|1[0-2])\.([1-9]|[12]\d|3[01])(?={_HAPPENED})", _event),
    # of an earthquake one digit behind the point would be its magnitude
    Rule(rf"(?<![\d./])([1-9]|1[0-2])\.([12]\d|3[01])(?={_PLACES}特?大?(?:地震|海啸))", _event),
    Rule(rf"(?<![\d./])([1-9]|1[0-2])[./]([1-9]|[12]\d|3[01])(?={_FESTIVALS})", _festival),
    # these words make a date of a fraction: 截止日期：5/20
    Rule(
        r"(?:(?<=日期|截止|截至|生日|定于|改到)|(?<=deadline)|(?<=DDL|ddl)|(?<=due))(\s?[是为在到至于：:]{0,2}\s?)(?P<month>\d{1,2})/(?P<day>\d{1,2})(?![\d/小年月天周个])",
        lambda m: m[1] + spoken_date(None, m["month"], m["day"]) if _is_date(m["month"], m["day"]) else m[0],
    ),
    Rule(r"(?<![\d.])([1-9]|1[0-2])[·•]([1-9]|[12]\d|3[01])(?!\d)", _event),
    # 日 makes a date of a decimal: 3.15日
    Rule(
        r"(?<![\d月./-])(1[0-2]|0?[1-9])[./]([12]\d|3[01]|0?[1-9])(?=日|号)",
        lambda m: f"{cardinal(str(int(m[1])))}月{cardinal(str(int(m[2])))}",
    ),
    Rule(
        r"(?<![\d年])([1-9]|1[0-2])\s?[-~～–—]\s?([1-9]|1[0-2])(?=月(?!大|龄|的?宝))",
        lambda m: f"{cardinal(m[1])}到{cardinal(m[2])}",
    ),
    Rule(r"(?<=[\d][月日号点周年])\s?[-~～–—－]{1,2}\s?(?=\d|[一二][零一二三四五六七八九]{3}年)", lambda m: "到"),
    Rule(r"(?<=[年月日号周])\s?[-~～–—－]\s?(?=\d{1,4}[年月日号周])", lambda m: "到"),
    # else the hyphen is silent: 1楼-3楼
    Rule(r"(?<=\d[楼层室栋章节页课级题])\s?[-~～–—－]{1,2}\s?(?=第?\d)", lambda m: "到"),
    # Dates in words already: 2024.10.01-2024.10.07.
    Rule(
        rf"(?<=[{_NUMERALS}]日)\s?[-~～–—－]{{1,2}}\s?(?=[{_NUMERALS}]{{4}}年|[{_NUMERALS}]{{1,2}}月)", lambda m: "到"
    ),
    Rule(
        r"(周|星期|礼拜)([一二三四五六日天1-7])\s?[-~～–—－]{1,2}\s?(?:\1)?([一二三四五六日天1-7])(?!\d)",
        lambda m: f"{m[1]}{_weekday(m[2])}到{m[1]}{_weekday(m[3])}",
    ),
    Rule(
        rf"(?<![每一两几整])(周|星期|礼拜)([1-7])(?!\d|{_TIMES})|"
        rf"(?<=[每一两几整])(周|星期|礼拜)([1-7])(?!\d|{_TIMES}|[天个节场])",
        lambda m: (m[1] or m[3]) + _weekday(m[2] or m[4]),
    ),
    # the zero of 03月 is silent
    Rule(r"(?<!\d)0(\d)(?=[月日号])", lambda m: cardinal(m[1])),
    Rule(
        r"(?<=\d月)([12]\d|3[01]|0?[1-9])(?=[,，。、；\s]|$)",
        # the days of the lunar calendar have no 日: 农历八月十五
        lambda m: cardinal(str(int(m[1]))) + ("" if _is_lunar(m) else "日"),
    ),
]


def _is_lunar(match: re.Match[str]) -> bool:
    return re.search(r"[农阴旧]历\d+月$", match.string[max(0, match.start() - 6) : match.start()]) is not None


def _is_decade(match: re.Match[str]) -> bool:
    """90s and 20's are decades, 30s and 等60s seconds."""
    before = match.string[max(0, match.start() - 4) : match.start()]
    if match[1] or match[3]:
        return True
    return match[2] in ("50", "70", "80", "90") and not re.search(r"[每等约过]$|延[时迟]|倒计时|时长|间隔|用时", before)


def _short_year(match: re.Match[str]) -> bool:
    """98年世界杯 is a year, 25年 may be a span: one of this century needs a month, a season or a title after it."""
    written, rest = match[1], match.string[match.end() :]
    if written[0] in "089":
        return True
    return (
        re.match(
            r"年(?:\d{1,2}月|[一二三四五六七八九十]{1,2}月|初|底|末|春|夏|秋|冬|上半年|下半年|度?第?[一二三四]季|春节|国庆|元旦|Q)",
            rest,
        )
        is not None
    )


def _weekday(written: str) -> str:
    return "日" if written == "7" else cardinal(written) if written.isdigit() else written
