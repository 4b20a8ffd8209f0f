"""Mandarin item numbers, Roman numbers, letters beside digits, and what is left: the rules that come last."""

import re

from glmtts.text import numbers_en
from glmtts.text.normalisation.mandarin.amounts import TWO_COUNTS, amount
from glmtts.text.normalisation.rules import NUMBER, Rule, roman
from glmtts.text.numbers_en import ordinal
from glmtts.text.numbers_zh import cardinal, digits, number

_NUMERAL = "零一二三四五六七八九十百千万亿"


def _scaled(match: re.Match[str]) -> str:
    """10w is 十万, 15K stays fifteen K, as people say it."""
    return f"{amount(match[1])}万{'多' if match[2] else ''}"


RULES: list[Rule] = [
    # English ordinals stay English: 1st
    Rule(r"(?<![A-Za-z\d.])(\d{1,4})(?:st|nd|rd|th)(?![A-Za-z])", lambda m: ordinal(m[1])),
    # Neighbours before something counted are an estimate: 2、3个, 七、八天.
    Rule(
        r"(?<![\d.、第零一二三四五六七八九十])([1-8])、([2-9])(?=个(?![体性])|天|次|位|年(?!级)|岁|小时|分钟|公里|米|块|斤|遍|趟|杯|瓶)",
        lambda m: amount(m[1]) + amount(m[2]) if int(m[2]) == int(m[1]) + 1 else m[0],
    ),
    # a flat counts its rooms without a measure word: 3房2厅
    Rule(r"(?<![\d.A-Za-z第])2(?=[室房]\d[厅廳]|居室)|(?<=[\d两][室房])2(?=[厅廳])", lambda m: "两"),
    Rule(
        r"(?:(?<=^)|(?<=[\s。；;，,、！!？?：:]))(\d{1,3})\s?[.．、)）]\s?(?=[^\d\s.])", lambda m: f"{cardinal(m[1])}，"
    ),
    # brackets within a name are no pauses: 高三(2)班
    Rule(r"[(（](\d{1,2})[)）](?=班)", lambda m: cardinal(m[1])),
    # nor are those of an article: 第（三）项
    Rule(
        r"(?<=第)[(（](\d{1,3}|[一二三四五六七八九十]{1,3})[)）](?=[条款项目章节点种类])",
        lambda m: cardinal(m[1]) if m[1].isdigit() else m[1],
    ),
    Rule(r"[(（](\d{1,2})[)）]", lambda m: f"，{cardinal(m[1])}，"),
    # norms of exhaust gas: 国V排放
    Rule(r"国([IV]{1,3})(?=排放|标准|车|b?$|[，。、])", lambda m: f"国{cardinal(roman(m[1]))}"),
    # The letters of answers: A.5  B.6
    Rule(r"(?:(?<=^)|(?<=\s))([A-F])[.．]\s?(?=[^\s.A-Za-z]|[A-Z]\b)", lambda m: f"{m[1]}，"),
    # Roman numbers between 第 and what is counted: 第IV卷
    Rule(r"(第)([IVX]{1,6})(?=[卷章节部期型代世届集册编篇条款幕季])", lambda m: m[1] + cardinal(roman(m[2]))),
    # and before 世, 期 and 级: 伊丽莎白II世
    Rule(
        r"(?<![A-Za-z])([IVX]{1,6})(?=[世期级])|(?<![A-Za-z])([IVX]{2,6})(?=型)",
        lambda m: cardinal(roman(m[1] or m[2])),
    ),
    Rule(
        r"(?<![A-Za-z])(?=[IVX]*[IV])([IVX]{2,6})(?![A-Za-z])(?=$|[，。！？、；：\s）》]|章|卷|部)",
        lambda m: cardinal(roman(m[1])),
    ),
    Rule(rf"(?<![\d.])({NUMBER})\s?[wW](?![A-Za-z])(\+)?", _scaled),
    # of an account the stroke must be written, of other names it is silent: 微信号abc_123
    Rule(
        r"(?<![A-Za-z])((?:微信号?|[账帐]号|用户名|ID)[：:是为]?\s?)([A-Za-z][A-Za-z\d]*(?:_[A-Za-z\d]+)+)",
        lambda m: m[1] + re.sub(r"_(\d*)", lambda stroke: f"下划线{digits(stroke[1])}", m[2]),
        needs="_",
    ),
    # a sign of the name: HDR10+
    Rule(r"(?:(?<=[A-Za-z]\d)|(?<=[A-Za-z]\d\d))\+(?![\d人])", lambda m: "加", needs="+"),
    # long figures of a name are no number: H100, abc_123
    Rule(r"([A-Za-z])[-_]?(\d{3,})(?![\d.])", lambda m: m[1] + digits(m[2])),
    # lines of a picture, by their digits: 1080p
    Rule(r"(?<![\d.])(\d{3,4})(?=[pP](?![A-Za-z]))", lambda m: digits(m[1])),
    # before the hyphens behind letters, which are silent in F-16: UTC-5
    Rule(r"(UTC|GMT)\s?[-−](?=\d)", lambda m: f"{m[1]}减"),
    # in the language of what is behind it: 3 o'clock
    Rule(r"(?<![\dA-Za-z])(\d{1,3})(?=\s?o['’]clock)", lambda m: numbers_en.cardinal(m[1])),
    Rule(r"([A-Za-z])-(\d)", lambda m: m[1] + m[2]),
    Rule(r"(?<![\d.A-Za-z第])2(?=克(?![里莱])|升(?![到至级为值格温降上学高]))", lambda m: "两"),
    Rule(rf"{TWO_COUNTS}(?!(?<=[于为取]2)时)", lambda m: "两"),
    Rule(r"(?<![\d.])\.(\d+)", lambda m: "点" + digits(m[1])),
    Rule(NUMBER, lambda m: number(m[0])),
    Rule(r"(?<=[一-鿿A-Za-z])\s?&\s?(?=[一-鿿A-Za-z])", lambda m: "和"),
    Rule(r"(?<![A-Za-z-])([A-F])-(?=$|[，。、；,)）级的])", lambda m: f"{m[1]}减"),
    Rule(r"(?<=[A-Za-z])\+{1,2}", lambda m: "加" * len(m[0])),
    # 1/3+1/6 and 1+X add, 100+人 are more
    Rule(rf"(?<=[{_NUMERAL}])\s?\+\s?(?=[{_NUMERAL}√]|[A-Za-zα-ω](?![A-Za-z]))", lambda m: "加"),
    Rule(rf"(?<=[{_NUMERAL}])\+", lambda m: "多"),
    # behind a measure word it is no more and no sum: 18岁+
    Rule(r"(?<=[岁人元天年个])\+", lambda m: "以上"),
    Rule(r"(?<=[一-鿿])\s?\+\s?(?=[一-鿿A-Za-z])", lambda m: "加"),
    Rule(r"\^([A-Za-z0-9])", lambda m: m[1]),
    # A stroke between numbers in words is a pause, else they would run together: 赔率1.75/3.5/4.8.
    Rule(rf"(?<=[{_NUMERAL}])/(?=[{_NUMERAL}])", lambda m: "，"),
]
