"""Written text to spoken words: the marks of its lines go, then each language's table of rules reads its clauses."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from glmtts.text import normalise_en, normalise_zh
from glmtts.text.cleanup import speakable, without_marks, without_tags
from glmtts.text.normalisation.addresses import put_back, take_addresses
from glmtts.text.normalisation.compatibility import compatible
from glmtts.text.normalisation.languages import CHINESE_ISLAND, ENGLISH_ISLAND, Language, is_english, language_of, runs
from glmtts.text.normalisation.scripts import take_unreadable
from glmtts.text.structure import Block, Break, blocks

_MARKS = ",，、;；:：.。!?！？…"
_RUN_OF_MARKS = re.compile(rf"\s*[{_MARKS}](?:\s*[{_MARKS}])+")
_SENTENCE_END = re.compile(r"[.。!?！？…,，、;；:：][\"'”’」』）)]*$")
_LONGEST_END = 12  # characters in which a mark, and quotes and brackets after it, are looked for
# A bracket at the end of a line leaves no pause of its own.
_CLOSING = frozenset(")]}）】|")
_BETWEEN_CHINESE = re.compile(r"(?<=[，。！？；：、])\s+|\s+(?=[，。！？；：、])")


class Words(NamedTuple):
    """A block in words, and the letters in it that cannot be read, by the name of their script."""

    text: str
    unread: dict[str, str]


def normalise(text: str, language: str | None = None) -> str:
    """Speakable text: no markup, emoji or control characters, numbers and symbols in words.

    `language` ("zh" or "en") decides where no letter near by tells; without it, the one that most of the text is in.
    Lines, headings and items end with a mark; a sentence that goes on over a line end does not. Linear in the text.
    """
    default: Language = "zh" if language == "zh" or (language is None and is_chinese(text)) else "en"
    parts = [(block, speak(block.text, default).text) for block in structure(text)]
    return joined((spoken, block.after) for block, spoken in parts)


def is_chinese(text: str) -> bool:
    """Whether most of `text` is Mandarin."""
    return language_of(text) == "zh"


def structure(text: str) -> list[Block]:
    """The blocks of a text without tags and entities; see `glmtts.text.structure`."""
    return blocks(without_tags(text))


def speak(line: str, default: Language) -> Words:
    """One block in words."""
    text, unread = take_unreadable(compatible(without_marks(line)))
    text, found = take_addresses(text)
    addresses = map(speakable, found)  # a path may hold what no text may: emoji, half a surrogate pair
    # narrow blanks stay: they group digits (1 000 000), which the rules of numbers join
    text = re.sub(r"[^\S\u202f\u2009]+", " ", speakable(text))
    spoken = "".join(_run(language, run, addresses) for language, run in runs(text, default))
    spoken = _tidy(spoken)
    return Words(spoken.rstrip(",， ") if line.rstrip()[-1:] in _CLOSING else spoken, unread)


def _run(language: Language, run: str, addresses: Iterator[str]) -> str:
    if language == "zh":
        words = normalise_zh.in_words(ENGLISH_ISLAND.sub(lambda match: _island(match[0]), run))
    else:
        words = normalise_en.in_words(CHINESE_ISLAND.sub(lambda match: normalise_zh.in_words(match[0]), run))
    return put_back(words, addresses, language)


def _island(run: str) -> str:
    """English words with a number among them inside a clause of Mandarin."""
    return normalise_en.in_words(run) if re.search(r"\d", run) and is_english(run) else run


def _tidy(text: str) -> str:
    """One blank, one mark: of marks in a row the strongest stays."""
    text = _RUN_OF_MARKS.sub(_strongest, re.sub(r"\s+", " ", text))
    text = _BETWEEN_CHINESE.sub("", re.sub(r" (?=[,.;:!?])", "", text))
    return text.strip().lstrip(",，、;；:：.。 ").strip()


def _strongest(match: re.Match[str]) -> str:
    marks = re.sub(r"\s", "", match[0])
    loud = "".join(mark for mark in marks if mark in "!?！？")
    if loud:
        return loud
    full = next((mark for mark in marks if mark in ".。…"), None)
    return full or next((mark for mark in marks if mark in ";；:："), marks[0])


def joined(parts: Iterable[tuple[str, Break]]) -> str:
    """Spoken blocks as one text; a line, heading or paragraph without a mark gets a full stop before the next one."""
    said: list[str] = []
    after = Break.NONE
    for spoken, following in parts:
        if not spoken:
            continue
        if said and after is not Break.NONE:
            said[-1] = closed(said[-1])
        gap = " " if said and said[-1][-1].isascii() and spoken[0] not in "，。" else ""
        said.append(gap + spoken)
        after = following
    return "".join(said)


def closed(text: str) -> str:
    """`text` with a mark at its end."""
    if _SENTENCE_END.search(text[-_LONGEST_END:]):
        return text
    return text + ("." if text[-1:].isascii() else "。")
