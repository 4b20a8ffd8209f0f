"""Long text to pieces that the language model speaks well (30 to 60 Chinese characters, or their equal)."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from glmtts.text.mandarin import CHINESE
from glmtts.text.placeholders import PLACEHOLDERS, is_placeholder
from glmtts.text.sentences import ends

_CLAUSE = re.compile(r"(?<=[，,、：:])\s*(?![0-9])")
# Where no mark is near, a long clause is best cut before a word that begins a phrase.
_PHRASE = re.compile(
    r"\s+(?=(?:and|or|but|nor|that|which|who|whose|when|where|while|because|though|if|as|than|for|with|without|by|from|in|into|"
    r"on|at|to|of|under|over|after|before|until)\b)"
)
_SPACE = re.compile(r"\s+")
SHORTEST_SHARE = 0.25  # of the longest part: shorter ones are avoided; a choice

_WHOLE = re.compile(rf"{CHINESE.pattern}|[{PLACEHOLDERS[0]}-{PLACEHOLDERS[1]}]")


def weight(text: str) -> float:
    """Length in Chinese characters; a Latin letter counts a quarter of one, since it is spoken that fast.

    The private character that holds the place of an inline control counts as one.
    """
    chinese = len(_WHOLE.findall(text))
    return chinese + (len(text) - chinese) / 4


def split_text(text: str, shortest: float, longest: float) -> list[str]:
    """Pieces of `shortest` to `longest` weight where punctuation allows; never inside a word."""
    pieces: list[str] = []
    for sentence in filter(None, map(str.strip, _sentences(text))):
        for part in _cut(sentence, longest):
            either_short = pieces and min(weight(pieces[-1]), weight(part)) < shortest
            if either_short and weight(pieces[-1]) + weight(part) <= longest:
                pieces[-1] = f"{pieces[-1]}{_gap(pieces[-1], part)}{part}"
            else:
                pieces.append(part)
    return pieces


def join_pieces(pieces: Sequence[str]) -> str:
    """Pieces as one text, with a blank between Latin letters alone."""
    joined = ""
    for piece in filter(None, pieces):
        joined += f"{_gap(joined, piece) if joined else ''}{piece}"
    return joined


def _sentences(text: str) -> list[str]:
    starts = [0, *ends(text)]
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


def _gap(left: str, right: str) -> str:
    return " " if _latin(right[0]) and _latin(left[-1]) else ""


def _latin(character: str) -> bool:
    return character.isascii() or is_placeholder(character)


def _cut(sentence: str, longest: float) -> list[str]:
    """Parts of a long sentence: cut at a clause, else before a phrase, else between words; none is very short."""
    lengths = list(accumulate(map(weight, sentence), initial=0.0))
    if lengths[-1] <= longest:
        return [sentence]
    parts, start, short = [], 0, SHORTEST_SHARE * longest
    while lengths[-1] - lengths[start] > longest:
        # never so far that less than `short` is left over
        most = bisect_right(lengths, min(lengths[start] + longest, lengths[-1] - short)) - 1
        least = bisect_right(lengths, lengths[start] + short)
        window = sentence[start : most + 1]
        ends = (start + end for mark in (_CLAUSE, _PHRASE, _SPACE) if (end := _last(mark, window, least - start)))
        end = next(ends, most)
        parts.append(sentence[start:end].strip())
        start = end
    return [part for part in (*parts, sentence[start:].strip()) if part]


def _last(mark: re.Pattern[str], text: str, least: int) -> int:
    """Where the last `mark` in the text ends, the text's own end left out; 0 where none ends at `least` or later."""
    return max((m.end() for m in mark.finditer(text) if least <= m.end() < len(text)), default=0)
