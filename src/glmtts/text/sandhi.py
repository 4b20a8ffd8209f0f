"""Tone sandhi: readings as they are spoken, where the dictionary gives them as they are written.

Rules after Chao (1968) and the Hanyu Pinyin orthography: third tones before third tones, 一, 不, neutral tones of
reduplicated kin terms and of 们. The inventory of the release has no rhotacised finals, so 儿 of erhua stays a
syllable of its own, in the neutral tone.
"""

import re

from glmtts.text.polyphone_features import phrase_reading
from glmtts.text.script import simplified
from glmtts.text.words import Sentence

Readings = list[str | None]
_KIN = frozenset("爸妈爷奶哥姐弟妹叔公婆舅姑嫂娃宝星猩太")
_NUMBERS = frozenset("零〇一二三四五六七八九十百千万亿点第初两")
_COUNTING = frozenset("一每这那几")
# Words in 一 that count what follows: 同一个 is read like 一个.
_DETERMINERS = frozenset(["同一", "其一", "任一", "天一", "如一"])
_DIGIT = "[零一二三四五六七八九十]"
_ORDINAL = re.compile("|".join([
    "(?<=[第之])一(?=[^一-鿿]|[的个])", "一(?=月(?![有以余]|之[内后间]))", "(?<=月)一(?=日)",
    "一(?=单元|年级|号(?!人(?!物))|等[奖功品舱座]|审|中全会)",
    "(?<![了上下升降低高差有这那每同哪])一(?=级(?![台石阶]|一级)|楼(?!的人))",
    "(?:(?<=级)|(?<=[高初大][一二三四]))一(?=班)", "(?<=[高初大研])一(?=学生|年级|新生|[上下]学期|开学|的?时|班)",
    f"一(?=[加减乘比]{_DIGIT})", f"(?<={_DIGIT}[加减乘比])一(?![个次天年])", "(?<=等于)一(?=[加减乘除])",
]))  # fmt: skip
# Behind these 儿 is a syllable of its own: children (女儿, 婴儿), and what a child has, is or does.
_BEFORE_CHILD = frozenset("女婴幼孤男健少宠胎患产生弃血形能小育托妻娃运潮浪侄的他她我你您谁是在和与跟为给有无没")
_AFTER_CHILD = frozenset("子女童科媳歌孙时")


def apply_sandhi(text: str, readings: Readings) -> Readings:
    """Readings (one a character, None where none) with sandhi; the others are left as they are."""
    spoken = list(readings)
    # neutral tones first: the other rules look at the tone that follows, and a neutral one is no third
    _neutral(text, spoken)
    _yi_and_bu(text, spoken)
    _third_tones(text, spoken)
    return spoken


def _tone(readings: Readings, position: int) -> str:
    """Tone digit at `position`, empty outside the text and where there is no reading."""
    reading = readings[position] if 0 <= position < len(readings) else None
    return reading[-1] if reading else ""


def _set_tone(readings: Readings, position: int, tone: str) -> None:
    reading = readings[position]
    if reading:
        readings[position] = reading[:-1] + tone


def _neutral(text: str, readings: Readings) -> None:
    for i, character in enumerate(text):
        doubled = i > 0 and character == text[i - 1] and character in _KIN
        if doubled or (character == "们" and _tone(readings, i - 1)):
            _set_tone(readings, i, "5")
        elif character == "儿" and _tone(readings, i - 1) and not _is_child(text[i - 1], text[i + 1 : i + 2]):
            readings[i] = "er5"


def _is_child(before: str, after: str) -> bool:
    return before in _BEFORE_CHILD or after in _AFTER_CHILD


def _yi_and_bu(text: str, readings: Readings) -> None:
    plain = _plain_yi(text) if "一" in text else frozenset()
    for i, character in enumerate(text):
        after, following = text[i + 1 : i + 2], _tone(readings, i + 1)
        if character not in "一不" or not readings[i] or not following:
            continue
        if i in plain:
            _set_tone(readings, i, "1")
        elif _is_between(text, i):
            _set_tone(readings, i, "5")
        elif character == "不":
            _set_tone(readings, i, "2" if following == "4" else "4")
        elif not _after_number(text, i) and (after not in _NUMBERS or after in "百千万亿两"):
            falling = following == "4" or after == "个"
            _set_tone(readings, i, "2" if falling else "4")


def _is_between(text: str, position: int) -> bool:
    """Whether a verb said twice stands around (看一看, 去不去), no measure (一步一步) and no number (九一九)."""
    before = text[position - 1] if position else ""
    doubled = before not in ("", "一") and before == text[position + 1 : position + 2]
    return doubled and not _after_number(text, position) and text[position - 2 : position - 1] not in _COUNTING


def _after_number(text: str, position: int) -> bool:
    """Whether a number ends before `position`; 点 is of one behind another number alone (三点一四, but 点一下)."""
    before = text[position - 1 : position] if position else ""
    if before == "点":
        return text[position - 2 : position - 1] in _NUMBERS and text[position + 1 : position + 2] != "刻"
    return before in _NUMBERS


def _plain_yi(text: str) -> frozenset[int]:
    """Where 一 keeps its first tone: at the end of a word (周一, 统一), as the first of a row (一楼), in sums."""
    simple = simplified(text)
    found = {match.start() for match in _ORDINAL.finditer(simple)}
    for word in Sentence(simple).words:
        last = word.end - 1
        if simple[last] == "一" and last > word.start and simple[word.start : word.end] not in _DETERMINERS:
            found.add(last)
    return frozenset(found)


def _third_tones(text: str, readings: Readings) -> None:
    start = 0
    while start < len(text):
        end = start
        while _tone(readings, end) == "3":
            end += 1
        for position in _rising(text[start:end]):
            _set_tone(readings, start + position, "2")
        start = max(end, start + 1)


def _rising(run: str) -> list[int]:
    """Which third tones of a run rise: every one before another in its word or foot; words of one stay for the last."""
    # one syllable and a word of two (小老虎): the word's own first tone rises, the one before it stays
    if len(run) == 3 and phrase_reading(run[1:]) and not phrase_reading(run[:2]):
        return [1]
    if len(run) <= 3:
        return list(range(len(run) - 1))
    # feet of two, and of an odd run one of three at its front
    head = 3 if len(run) % 2 else 2
    return _rising(run[:head]) + [head + position for position in _rising(run[head:])]
