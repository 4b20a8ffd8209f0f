"""Where sentences end: one rule for whole texts, for texts in parts and for the pieces that are spoken."""

import re
from collections.abc import Iterator

from glmtts.text.cleanup import ENTITY
from glmtts.text.normalisation.english.abbreviations import BEFORE_DIGITS, MAYBE_LAST, MID_SENTENCE
from glmtts.text.normalisation.english.streets import GOES_ON
from glmtts.text.normalisation.languages import opens_sentence

_END = re.compile(r"[。！？；…]+[”’」』）)\"]*|[.!?;]+[\"'”’)\]]*(?=\s|$)")
_WORD = re.compile(r"\b[A-Za-z][A-Za-z.]*$")
# without I, which ends sentences: so did I.
_INITIAL = re.compile(r"[A-HJ-Z]\.")
_LETTERS = re.compile(r"(?:[A-Za-z]\.){2,}")
_CHAPTER = re.compile(r"\b(?i:chapter|part|book|act|scene|section|volume|canto)\s(?:[IVXLC]{1,7}|\d{1,3})$")
_ITEM_NUMBER = re.compile(r"\s*[\"'(]?\d{1,3}")
# What is still open, and may hold marks: a tag, a reading, the words of a control, a comment, the words of a link.
_OPEN = re.compile(
    r"<(?:[A-Za-z/]|[?!][A-Za-z])[^<>]*$|\{[^{}|]*\|[^{}|]*$|<(?:say-as|phoneme|sub)\b[^<>]*(?<!/)>[^<>]*$|<!--(?:(?!-->)[\s\S])*$"
    r"|\[[^\[\]\n]*$"
)
_ENTITY = re.compile(f"{ENTITY}$")
_ROMAN = re.compile(r"[IVXLC]{1,7}\b")
_UNIT = re.compile(r"\d\s?(?:ft|in|yd|mi|lbs?|oz|pt|qt|gal|sq|min|sec|hr)\.$")
_NEXT_WORD = re.compile(r"\s+([A-Za-z']+)(?=[^A-Za-z'])")
# how far back is looked, so that the work stays linear in a text without ends of sentences
_LONGEST_WORD, _LONGEST_ITEM, _LONGEST_OPEN = 8, 8, 240


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
    before = text[max(0, mark.start() - _LONGEST_OPEN) : mark.start()]
    if is_open(before) or (mark[0] == ";" and _ENTITY.search(before[-32:])):
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
    rest = text[mark.end() : mark.end() + 24]
    if word[0] in BEFORE_DIGITS:
        return not follows or follows.isdigit() or _ROMAN.match(rest.lstrip()) is not None
    if word[0] in MID_SENTENCE or _INITIAL.fullmatch(word[0]):
        return True
    if _LETTERS.fullmatch(word[0]):
        return not follows or not _begins(rest)
    if _UNIT.search(before[-12:] + "."):
        return not follows or follows.islower() or follows.isdigit()
    return word[0] in MAYBE_LAST and (not follows or follows.islower() or _is_in_name(rest))


def is_open(before: str) -> bool:
    """Whether a control, a tag, a comment or the words of a link have begun in a text and not ended, near its end."""
    before = before[-_LONGEST_OPEN:]
    return any(sign in before for sign in "<{[") and _OPEN.search(before) is not None


def _is_in_name(rest: str) -> bool:
    """Whether a name goes on behind an abbreviation, as in King Jr. Blvd.; not before the next word is whole."""
    return GOES_ON.match(rest) is not None or re.fullmatch(r"\s+[A-Z][a-z]{0,11}", rest) is not None


def _begins(rest: str) -> bool:
    """Whether what follows U.S. begins a sentence: a word that is no name, in a capital; not before it is whole.

    The normaliser decides alike whether the last stop of such letters is said (english/general.py).
    """
    word = _NEXT_WORD.match(rest)
    return word is not None and opens_sentence(word[1])
