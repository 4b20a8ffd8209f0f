"""Long text to pieces that the language model speaks well (30 to 60 Chinese characters, or their equal)."""

import re

from glmtts.text.cleanup import PLACEHOLDERS, is_placeholder
from glmtts.text.mandarin import CHINESE

_SENTENCE = re.compile(r"(?<=[。！？!?；;])\s*|(?<=\.)\s+|\n+")
_CLAUSE = re.compile(r"(?<=[，,、：:])\s*(?![0-9])|\s+")


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
    for sentence in filter(None, (part.strip() for part in _SENTENCE.split(text))):
        for part in _cut(sentence, longest):
            if pieces and weight(pieces[-1]) < shortest and weight(pieces[-1]) + weight(part) <= longest:
                pieces[-1] = f"{pieces[-1]}{_gap(pieces[-1], part)}{part}"
            else:
                pieces.append(part)
    return pieces


def _gap(left: str, right: str) -> str:
    return " " if _latin(right[0]) and _latin(left[-1]) else ""


def _latin(character: str) -> bool:
    return character.isascii() or is_placeholder(character)


def _cut(sentence: str, longest: float) -> list[str]:
    """A sentence that is too long, at its clauses, then anywhere."""
    if weight(sentence) <= longest:
        return [sentence]
    parts, current = [], ""
    for clause in filter(None, _CLAUSE.split(sentence)):
        joined = f"{current}{_gap(current, clause)}{clause}" if current else clause
        if current and weight(joined) > longest:
            parts.append(current)
            joined = clause
        current = joined
        while weight(current) > longest:
            size = int(longest) if CHINESE.search(current) else int(longest * 4)
            parts.append(current[:size])
            current = current[size:]
    return [*parts, current] if current else parts
