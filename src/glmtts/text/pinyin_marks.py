"""Pinyin with tone marks inside a text: nǐ hǎo and Běijīng are Mandarin, while café, déjà and Rīga are not.

Syllables are those that pypinyin's dictionary of characters attests with their tone. A word is cut by the
orthography of Hanyu Pinyin (GB/T 16159): one mark a syllable, and inside a word an apostrophe before a, o and e.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from glmtts.text.english import WORD
from glmtts.text.mandarin import CHINESE
from glmtts.text.phonemes import split_syllable

# Macron, acute, caron and grave are tones 1 to 4; a breve is often typed for the caron.
_TONES = {"\u0304": "1", "\u0301": "2", "\u030c": "3", "\u0306": "3", "\u0300": "4"}
_DIAERESIS = "\u0308"
_MARKED = re.compile(r"[àáèéìíòóùúāăēĕěīĭōŏūŭǎǐǒǔǖǘǚǜ]", re.IGNORECASE)
LONGEST_SYLLABLE, LONGEST_WORD = 6, 40  # letters: zhuang; longer words than 40 are none, and are not cut
# Syllables without a tone inside a word after one that has it (péngyou, xièxie), and words of their own after such.
_NEUTRAL = frozenset([
    "de", "le", "zhe", "guo", "ma", "ne", "ba", "la", "ya", "me", "men", "zi", "tou", "you", "huan", "xi",
    "liang", "fu", "sheng", "fa", "hou", "shi", "su", "dao", "shang", "xia", "li", "bian", "mian", "jie", "di", "mei",
    "ge", "xie", "qi", "kuai", "hu", "ting", "qing", "huo", "jing", "duo", "bo", "tao", "fang", "yi", "lai", "qu",
    "chu", "jia", "mo", "ming", "shuo",
])  # fmt: skip
_PARTICLES = frozenset(["de", "le", "zhe", "guo", "ma", "ne", "ba", "la", "ya", "men"])
# What no French, Spanish or Vietnamese word has beside marks that they share with pinyin (là, sí, qué).
_CHINESE_SPELLING = re.compile(r"zh|^(?:[xq]|sh)|ng|ia[no]")
_JOINT = re.compile(r"[ -]")


class Pinyin(NamedTuple):
    """A word of pinyin at text[start:end], with the joint before it where another one is, and its syllables."""

    start: int
    end: int
    syllables: tuple[str, ...]


def pinyin_words(text: str) -> dict[int, Pinyin]:
    """The words of pinyin in `text` by the place of their first letter; syllables have tone digits, 5 for neutral."""
    if not _MARKED.search(text):
        return {}
    mandarin = CHINESE.search(text) is not None
    found: dict[int, Pinyin] = {}
    for run in _runs(text):
        if not _is_pinyin(text, run, mandarin):
            continue
        found[run[0].start] = run[0]
        # the joint belongs to the word behind it, since Mandarin has no blanks between words
        found |= {word.start: word._replace(start=last.end) for last, word in pairwise(run)}
    return found


def _runs(text: str) -> Iterator[list[Pinyin]]:
    """Words that may be pinyin with nothing but a blank or a hyphen between them."""
    run: list[Pinyin] = []
    for match in WORD.finditer(text):
        joined = bool(run) and _JOINT.fullmatch(text, run[-1].end, match.start()) is not None
        syllables = syllables_of(match[0])
        if not syllables and joined and match[0] in _PARTICLES:
            syllables = (match[0] + "5",)
        if run and not (joined and syllables):
            yield run
            run = []
        if syllables:
            run.append(Pinyin(match.start(), match.end(), syllables))
    if run:
        yield run


def _is_pinyin(text: str, run: list[Pinyin], mandarin: bool) -> bool:
    """Whether the marks of a run, its spelling or the Chinese characters around say that it is no other language."""
    written = unicodedata.normalize("NFD", text[run[0].start : run[-1].end])
    if mandarin or "\u0304" in written or "\u030c" in written:
        return True
    syllables = [syllable[:-1] for word in run for syllable in word.syllables]
    return len(syllables) > 1 and ("\u0306" in written or any(map(_CHINESE_SPELLING.search, syllables)))


@lru_cache(maxsize=4096)
def syllables_of(word: str) -> tuple[str, ...]:
    """Syllables with tone digits of a word such as Běijīng; empty where it is no pinyin or has no mark."""
    if len(word) > LONGEST_WORD or not _MARKED.search(unicodedata.normalize("NFC", word)):
        return ()
    parts = re.split("['’]", unicodedata.normalize("NFC", word.lower()))
    cut = [_cut(part, strict=True) or _cut(part, strict=False) for part in parts]
    return tuple(syllable for part in cut for syllable in part) if all(cut) else ()


def _cut(word: str, strict: bool) -> tuple[str, ...]:
    """The syllables of a word, the first one with a tone; with `strict` no other begins with a, o or e."""
    ways: list[tuple[str, ...] | None] = [()] + [None] * len(word)
    for end in range(1, len(word) + 1):
        # from the left, so that the longest syllable that ends here wins
        for start in range(max(0, end - LONGEST_SYLLABLE), end):
            before = ways[start]
            if before is None or (strict and start and _plain(word[start])[0] in "aoe"):
                continue
            if (syllable := _syllable(word[start:end], before)) is not None:
                ways[end] = (*before, syllable)
                break
    return ways[-1] or ()


def _syllable(written: str, before: tuple[str, ...]) -> str | None:
    letters, tone = _plain(written)
    if tone:
        return letters + tone if letters + tone in _numbered() else None
    neutral = before and (letters in _NEUTRAL or letters == before[-1][:-1])
    return f"{letters}5" if neutral and split_syllable(f"{letters}5") else None


@lru_cache(maxsize=8192)
def _plain(written: str) -> tuple[str, str]:
    """Letters without marks, v for ü, and the tone; no tone where there is none, or more than one."""
    signs = unicodedata.normalize("NFD", written).replace("u" + _DIAERESIS, "v")
    tones = [_TONES[sign] for sign in signs if sign in _TONES]
    letters = "".join(sign for sign in signs if not unicodedata.combining(sign))
    return letters, tones[0] if len(tones) == 1 else ""


@lru_cache(maxsize=1)
def _numbered() -> frozenset[str]:
    """Every syllable with a tone that some character has and that the inventory can spell."""
    from pypinyin.constants import PINYIN_DICT

    marked = {reading for readings in PINYIN_DICT.values() for reading in readings.split(",")}
    return frozenset(syllable for one in marked if split_syllable(syllable := "".join(_plain(one))))
