"""Where sentences end: one rule for whole texts, for texts in parts and for the pieces that are spoken."""

import re
from collections.abc import Iterator

from glmtts.text.normalisation.english.abbreviations import BEFORE_DIGITS, MAYBE_LAST, MID_SENTENCE

_END = re.compile(r"[。！？；…]+[”’」』）)\"]*|[.!?;]+[\"'”’)\]]*(?=\s|$)")
_WORD = re.compile(r"\b[A-Za-z][A-Za-z.]*$")
# without I, which ends sentences: so did I.
_INITIAL = re.compile(r"[A-HJ-Z]\.")
_LETTERS = re.compile(r"(?:[A-Za-z]\.){2,}")
_CHAPTER = re.compile(r"\b(?i:chapter|part|book|act|scene|section|volume|canto)\s(?:[IVXLC]{1,7}|\d{1,3})$")
_ITEM_NUMBER = re.compile(r"\s*[\"'(]?\d{1,3}")
# A tag that is still open: its attributes may hold full stops.
_OPEN_TAG = re.compile(r"<[A-Za-z/][^<>]*$|\{[^{}|]*\|[^{}|]*$")
# how far back is looked, so that the work stays linear in a text without ends of sentences
_LONGEST_WORD, _LONGEST_ITEM, _LONGEST_TAG = 8, 8, 120


def ends(text: str) -> Iterator[int]:
    """Positions after the sentences that are whole in `text`, with closing quotes; a mark at the very end counts."""
    start = 0
    for mark in _END.finditer(text):
        if not _goes_on(text, mark, start):
            start = mark.end()
            yield start


def _goes_on(text: str, mark: re.Match[str], start: int) -> bool:
    """Whether the sentence that began at `start` goes on after a mark, as far as one can tell yet.

    The mark may be that of an abbreviation, an initial or the number of an item.

    "Mr. Smith" goes on, "No. 5" does and "No. He" does not, "at 5 p.m. today" does and "at 5 p.m. Then" does not.
    """
    before = text[max(0, mark.start() - _LONGEST_TAG) : mark.start()]
    if ("<" in before or "{" in before) and _OPEN_TAG.search(before):
        return True
    if mark[0] != ".":
        return False
    follows = text[mark.end() : mark.end() + 9].lstrip()[:1]
    if _CHAPTER.search(before[-20:]):
        return True
    if mark.start() - start <= _LONGEST_ITEM and _ITEM_NUMBER.fullmatch(text, start, mark.start()):
        return True
    word = _WORD.search(text[max(0, mark.start() - _LONGEST_WORD) : mark.end()])
    if word is None:
        return False
    if word[0] in BEFORE_DIGITS:
        return not follows or follows.isdigit()
    if word[0] in MID_SENTENCE or _INITIAL.fullmatch(word[0]):
        return True
    return bool(word[0] in MAYBE_LAST or _LETTERS.fullmatch(word[0])) and (not follows or follows.islower())
