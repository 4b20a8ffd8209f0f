"""Where the words that are spoken stand in the text as it was written: $5 for "five dollars", marks included.

Captions and word times show what the author wrote, while the models read it normalised. The two are aligned word by
word (a Chinese character counts as one): equal words are pairs, and what lies between them belongs together.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from glmtts.text.cleanup import without_marks
from glmtts.text.english import WORD
from glmtts.text.mandarin import CHINESE
from glmtts.text.markup import Control
from glmtts.text.structure import Block

_SPOKEN = re.compile(rf"{CHINESE.pattern}|{WORD.pattern}")
# Addresses, and figures with their currency or unit, stay together. Any other sign but marks is a word too, since many
# are read (€, %, ①).
_MARKS = "\\s,，、;；:：.。!?！？…\"'“”‘’「」『』()（）\\[\\]【】《》<>*_`|~—–-"
_ADDRESS = r"(?:https?://|www\.)[!-~]*[A-Za-z0-9/]|[A-Za-z0-9.+_-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
_FIGURE = r"(?:(?<![A-Za-z0-9])[-−+])?[$€£¥￥₹₩]?\d+(?:[.,:/]\d+)*[%‰℃℉°]?"
_WRITTEN = re.compile(rf"{_ADDRESS}|{CHINESE.pattern}|{WORD.pattern}|{_FIGURE}|[^{_MARKS}]")
_NEXT_BEGINS = re.compile(r"\s|(?=[“‘「『（(【《\[])")
WINDOW = 64  # words: longer than what one number or address is spoken as; the work is linear in the text


class Group(NamedTuple):
    """Words of the text, by their numbers, and the spoken words that stand for them."""

    first: int
    last: int
    spoken_first: int
    spoken_last: int


class Stretch(NamedTuple):
    """A stretch of the text as it was written, and the numbers of the spoken words from `first` before `last`."""

    text: str
    first: int
    last: int


def source_of(blocks: Iterable[Block], controls: Mapping[str, Control]) -> str:
    """The text of blocks as it was written but for markup, the words of controls in their places, on one line."""
    text = ""
    for block in blocks:
        words = without_marks(block.text)
        text += (" " if text and not (CHINESE.match(text[-1]) or CHINESE.match(words)) else "") + words
    shown = "".join(controls[mark].written if mark in controls else mark for mark in text)
    return " ".join(shown.split())


def stretches(source: str, spoken: str) -> list[Stretch]:
    """The words of `source` in order, each with the words of `spoken` that it is read as; all of these occur."""
    written = list(_WRITTEN.finditer(source))
    groups = _groups(list(map(_key, written)), [_plain(word) for word in _SPOKEN.findall(spoken)])
    return [
        Stretch(source[written[first].start() : written[last - 1].end()], start, end)
        for first, last, start, end in groups
    ]


def shares(source: str, pieces: Sequence[str]) -> list[str]:
    """What of the text as it was written belongs to each of the spoken pieces, marks included."""
    if len(pieces) <= 1:
        return [source.strip()] * len(pieces)
    written = list(_WRITTEN.finditer(source))
    words = [[_plain(word) for word in _SPOKEN.findall(piece)] for piece in pieces]
    groups = _groups(list(map(_key, written)), [word for piece in words for word in piece])
    cuts, number, begun = [0], 0, 0
    for piece in words[:-1]:
        begun += len(piece)
        while number < len(groups) and groups[number].spoken_first < begun:
            number += 1
        cuts.append(_cut(source, written, groups[number].first) if number < len(groups) else len(source))
    return [source[start:end].strip() for start, end in zip(cuts, [*cuts[1:], len(source)], strict=True)]


def _cut(source: str, written: Sequence[re.Match[str]], word: int) -> int:
    """Where the text before a word ends: marks belong to the word before, opening quotes and brackets to this one."""
    start, end = written[word - 1].end() if word else 0, written[word].start()
    found = _NEXT_BEGINS.search(source, start, end)
    return found.start() if found else end


def _key(match: re.Match[str]) -> str:
    return _plain(match[0])


def _plain(word: str) -> str:
    """A word without case and accents, which normalisation may change."""
    letters = unicodedata.normalize("NFKD", word.casefold().replace("’", "'"))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _groups(written: Sequence[str], spoken: Sequence[str]) -> list[Group]:
    """Groups in order that cover all spoken words; written ones that nothing is spoken for are left out."""
    groups: list[Group] = []
    for group in _aligned(written, spoken):
        if group.first == group.last and groups:  # words that are only spoken go with those before them
            groups[-1] = groups[-1]._replace(spoken_last=group.spoken_last)
        elif group.spoken_first < group.spoken_last:
            groups.append(group)
    if groups and groups[0].first == groups[0].last:
        head, *groups = groups
        groups[:1] = [one._replace(spoken_first=head.spoken_first) for one in groups[:1]]
    return groups


def _aligned(written: Sequence[str], spoken: Sequence[str]) -> Iterator[Group]:
    """Pairs of equal words, and between them what belongs together."""
    i, j = 0, 0
    while i < len(written) or j < len(spoken):
        if i < len(written) and j < len(spoken) and written[i] == spoken[j]:
            yield Group(i, i + 1, j, j + 1)
            i, j = i + 1, j + 1
            continue
        more, further = _gap(written[i : i + WINDOW], spoken[j : j + WINDOW])
        if more == further and all(map(_SPOKEN.fullmatch, written[i : i + more])):  # no figures: one word each
            yield from (Group(i + n, i + n + 1, j + n, j + n + 1) for n in range(more))
        else:
            yield Group(i, i + more, j, j + further)
        i, j = i + more, j + further


def _gap(written: Sequence[str], spoken: Sequence[str]) -> tuple[int, int]:
    """Words of both up to the next that they have in common."""
    if len(written) > 1 and len(spoken) > 1 and written[1] == spoken[1]:
        return 1, 1
    matcher, more, further = SequenceMatcher(None, written, spoken, autojunk=False), len(written), len(spoken)
    while (block := matcher.find_longest_match(0, more, 0, further)).size:  # only the first is wanted, so to the left
        more, further = block.a, block.b
    return more, further
