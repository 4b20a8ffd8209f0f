"""Readings that grammar tells: the particles 地 and 得, surnames, and the rules of contexts.tsv for other polyphones.

Only characters that no word of the dictionary settles come here. `contexts.tsv` says, for one character, what stands
before it, what after it, and how it is read then: the first rule that holds wins, and where none does the classifier
of `polyphones` decides. Patterns see the text of the whole sentence, so `^` and `$` are its ends.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from glmtts.text.data import read_lines
from glmtts.text.words import Sentence, Word

REACH = 14
_MACRO = re.compile(r"\{([A-Z]+)\}")
_PLACES = frozenset("上下里中内外的是有很与和") | {"上面", "下面", "里面", "外面", "上边"}
# Predicates that the frequency list takes for nouns.
_FEELINGS = frozenset([
    "气", "美", "伤心", "开心", "痛苦", "幸福", "精神", "热闹", "辛苦", "漂亮", "聪明", "困难", "危险", "安全", "健康",
    "科学", "礼貌", "脸红", "眼红", "头疼", "心疼", "激动", "难受", "难过", "生气",
])  # fmt: skip
# What one does, a verb and its object: no complement follows, so that 得 is "must" (出门得带伞, but 出门得早).
_ACTIVITIES = frozenset([
    "跑步", "开车", "出门", "上班", "下班", "上学", "放学", "坐车", "乘车", "打车", "骑车", "停车", "看病", "住院",
    "吃饭", "睡觉", "洗澡", "游泳", "买房", "买车", "买票", "买菜", "做饭", "看书", "读书", "写字", "唱歌", "跳舞",
    "说话", "讲话", "做人", "做事", "办事", "开会", "考试", "上课", "下课", "结婚", "离婚", "请假", "走路", "爬山",
    "登机", "旅游", "出国", "拍照", "喝酒", "打针", "吃药", "面试", "运动", "健身", "减肥", "理发", "搬家", "装修",
    "付款", "报名", "打球", "过年",
])  # fmt: skip
# Nouns of one syllable that the frequency list takes for verbs or states, and verbs that it takes for nouns.
_THINGS, _DEEDS = frozenset("车窗树地糖帽"), frozenset("问换画省等学刷")
# A verb before 得 that cannot take a complement: what follows is the object, so 得 is "to get" (de2).
_GETS = frozenset("获取赢夺博求觅购拾换寻领")
# 的 of what one has got (他得的奖), and the particles of consent (得嘞)
_SETTLING = frozenset("的嘞啦咧")
_WILLING = frozenset("想要能会没曾又再刚已") | {"可以", "希望", "容易", "没有", "可能", "已经"}
_SURELY = frozenset("可还就也都才只非准须仍") | {
    "起码", "至少", "最少", "看来", "看样子", "看起来", "大概", "恐怕", "一定", "肯定", "应该", "必须", "反正", "务必",
    "仍然",
}  # fmt: skip
# 慢慢, 高高兴兴, 一步一步, 一次又一次, 头也不回, 兴致勃勃似, 创造性
_ADVERBIAL = re.compile(r"(?:(.)\1|(..)\2|一(.)[又一]一?\3|也[不没].|[大小高低轻]声|[性然似般])$")
_DEGREE = re.compile("[很真太挺更最怪像]|好(?!好)")
# What only a complement of one syllable's verb looks like, where the frequency list takes the verb for a noun: 病得不轻
_RESULT = re.compile("又.又|老[高大长远]|厉害(?![点些一])|不[轻行成像]|.不[了起来开出上下动住清到]")
_EARLY = re.compile("[早晚迟勤多少](?![点些一])")


class Rule(NamedTuple):
    """A reading, and the patterns of the text that ends before the character and that begins after it."""

    reading: str
    before: re.Pattern[str]
    after: re.Pattern[str]
    is_name: bool = False

    @property
    def is_default(self) -> bool:
        """Whether it holds everywhere: what a character that stands alone is unless another rule speaks."""
        return not self.before.pattern and not self.after.pattern

    def holds(self, text: str, position: int) -> bool:
        """Whether both patterns match around `position`."""
        after = self.after.match(text, position + 1) is not None
        return after and self.before.search(text, max(0, position - REACH), position) is not None


class Tables(NamedTuple):
    """What contexts.tsv and surnames.tsv hold: patterns by name, and the rules of each character in their order."""

    macros: dict[str, str]
    rules: dict[str, list[Rule]]

    def add(self, characters: str, reading: str, before: str, after: str, is_name: bool = False) -> None:
        """Append a rule; `before` is anchored at its end, `after` at its beginning."""
        pattern = re.compile(f"(?:{self.expand(before)})$" if before else ""), re.compile(self.expand(after))
        for character in characters:
            self.rules.setdefault(character, []).append(Rule(reading, *pattern, is_name))

    def expand(self, pattern: str) -> str:
        """`pattern` with {NAME} replaced by what NAME stands for."""
        return _MACRO.sub(lambda match: f"(?:{self.macros[match[1]]})", pattern)


@lru_cache(maxsize=4)
def _object(name: str) -> re.Pattern[str]:
    """A named pattern of contexts.tsv: GOT is what one gets, PRIZE what is never the complement of a verb."""
    return re.compile(tables().macros[name])


@lru_cache(maxsize=1)
def tables() -> Tables:
    """The rules that ship with the package."""
    found = Tables({}, {})
    lines = [line for line in read_lines("contexts.tsv") if line and not line.startswith("#")]
    for name, _, pattern in (line.partition(" = ") for line in lines if " = " in line):
        found.macros[name] = found.expand(pattern)
    for line in read_lines("surnames.tsv"):
        character, reading = line.split("\t")
        for before, after in (("姓|复姓", ""), ("{CALLED}", "{TITLE}"), ("{CALLED}(?:老|小|阿)", "{AFTERNAME}"),
                              ("{CALLED}", "{GIVEN}{AFTERNAME}")):  # fmt: skip
            found.add(character, reading, before, after, is_name="GIVEN" in after)
    for line in lines:
        if " = " not in line:
            characters, reading, before, after = [*line.split("\t"), "", ""][:4]
            found.add(characters, reading, before, after)
    return found


def told_reading(sentence: Sentence, position: int) -> str:
    """Pinyin of the character at `position`, empty where grammar does not tell."""
    character = sentence.text[position]
    before, word, after = sentence.around(position)
    alone = word is not None and word.end - word.start == 1
    if alone and character in _PARTICLES and (found := _PARTICLES[character](sentence, position, before, after)):
        return found
    if character == "得" and word is not None and not alone and word.start == position:
        return "de5" if _takes_complement(sentence, before) else "de2"
    for rule in tables().rules.get(character, ()):
        fits = (alone or not rule.is_default) and (not rule.is_name or after is None or _may_be_given(after))
        if fits and rule.holds(sentence.text, position):
            return rule.reading
    return ""


def _may_be_given(word: Word) -> bool:
    """Whether a word after a surname may be a given name rather than 明确 or 海关."""
    return word.kind == "N" or word.end - word.start == 1


def _di(sentence: Sentence, position: int, before: Word | None, after: Word | None) -> str:
    """de5 between an adverbial and a verb, di4 after a measure or before a place; empty where it is not plain."""
    if before is None or sentence.written(before) == "的":
        return "di4"
    adverbial = _ADVERBIAL.search(sentence.text, max(0, position - REACH), position) is not None
    if before.kind in "mqr":
        return "de5" if adverbial and after else "di4"
    adverbial = adverbial or (before.kind in "dzl" and before.end - before.start > 1)
    if after is None:
        return "de5" if adverbial or before.kind == "i" else "di4"
    if adverbial:
        return "de5"
    if sentence.written(after) in _PLACES:
        return "di4"
    long_enough = before.end - before.start > 1
    return "de5" if long_enough and (before.kind in "aibo" or _acts(sentence, after)) else ""


def _de(sentence: Sentence, position: int, before: Word | None, after: Word | None) -> str:
    """de5 between a verb and its complement, dei3 "must" after a subject, de2 "to get" before an object."""
    previous = sentence.written(before)
    gets = _object("GOT").match(sentence.text, position + 1) is not None
    settles = sentence.written(after) in _SETTLING and not sentence.text.startswith("的确", position + 1)
    if settles and (before is None or sentence.written(after) == "的"):
        return "de5" if len(previous) == 1 and before is not None and before.kind == "v" else "de2"
    if (after is None and not gets) or previous in ("这样", "那样", "怎样"):
        return ""
    if previous == "想" and not gets:
        return "de5"
    if previous in _WILLING:
        return "de2" if gets else "dei3" if after is not None and _acts(sentence, after) else ""
    may_be_predicate = before is not None and before.kind != "r" and previous not in _SURELY
    if may_be_predicate and _DEGREE.match(sentence.text, position + 1):
        return "de5"
    if before is None or previous in _SURELY or (before.kind in "rdtcfs" and previous not in ("下", "上")):
        return "de2" if gets else "dei3"
    if previous in _FEELINGS or (len(previous) == 1 and _RESULT.match(sentence.text, position + 1)):
        return "de5"
    if previous in _THINGS and after is not None and _acts(sentence, after):
        return "dei3"
    if previous in _ACTIVITIES and not gets:
        return "de5" if _EARLY.match(sentence.text, position + 1) else "dei3"
    if previous in _GETS or _object("PRIZE").match(sentence.text, position + 1):
        return "de2"
    if before.kind in "vazilbfp" or (len(previous) == 1 and before.kind not in "nNmq"):
        return "de5"
    if before.kind == "m" and after is not None and after.kind == "m":
        return "de2"
    if before.kind == "n" and after is not None and after.kind in "azil":
        return "de5"
    return "de2" if gets else "dei3" if after is not None and _acts(sentence, after) else ""


def _le(sentence: Sentence, position: int, before: Word | None, after: Word | None) -> str:
    """liao3 where 不了 or 得了 is the complement of a verb; empty elsewhere."""
    if before is None or sentence.written(before) not in "不得" or sentence.text.startswith(("，", "吧"), position + 1):
        return ""
    verb = sentence.around(before.start)[0]
    gets = sentence.written(before) == "得" and _de(sentence, before.start, verb, None) == "de2"
    return "liao3" if _takes_complement(sentence, verb) and not gets else ""


_PARTICLES = {"地": _di, "得": _de, "了": _le}


def _takes_complement(sentence: Sentence, word: Word | None) -> bool:
    """Whether a word is a verb that 不 and 得 may part from its complement."""
    written = sentence.written(word)
    return word is not None and word.kind in "vz" and written not in _WILLING and written not in _GETS


def _acts(sentence: Sentence, word: Word) -> bool:
    """Whether a verb, or what stands before one, begins here."""
    written = sentence.written(word)
    return word.kind in "vpdm" or written in _DEEDS or written in ("过去", "过来", "多", "多长", "多久", "多少")
