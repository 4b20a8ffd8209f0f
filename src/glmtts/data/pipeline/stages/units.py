"""A transcript as units, words of English and characters of Mandarin, and the marks that stand between them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from glmtts.text.edits import edit_distance
from glmtts.text.english import WORD
from glmtts.text.mandarin import CHINESE
from glmtts.text.normalise import normalise
from glmtts.text.script import simplified

_UNIT = re.compile(rf"{CHINESE.pattern}|{WORD.pattern}")
_MARK = re.compile(r"[,.!?;:，。！？；：、…—]")


@dataclass(frozen=True)
class Unit:
    """A word or character, its place in the text (start, end), and the punctuation mark that follows it, if any."""

    text: str
    start: int
    end: int
    mark: str = ""


def units_of(text: str) -> list[Unit]:
    """The units of a text in order."""
    places = [(match.start(), match.end()) for match in _UNIT.finditer(text)]
    following = [start for start, _ in places[1:]] + [len(text)]
    found = []
    for (start, end), after in zip(places, following, strict=True):
        marks = _MARK.findall(text[end:after])
        found.append(Unit(text[start:end], start, end, marks[0] if marks else ""))
    return found


def compared(text: str, language: str) -> list[str]:
    """The units that two recognisers must agree on: spoken words, no case, no marks, simplified characters.

    Numbers are written out first, as one recogniser writes digits and the other words.
    """
    spoken = normalise(simplified(text) if language == "zh" else text, language)
    return [unit.text.lower().replace("’", "'") for unit in units_of(spoken)]


def error_rate(heard: Sequence[str], wanted: Sequence[str]) -> float:
    """Edits over the wanted units; 1 where nothing is wanted and something is heard."""
    if not wanted:
        return float(bool(heard))
    return edit_distance(heard, wanted) / len(wanted)


def loops(units: Sequence[str], repeats: int = 3, longest: int = 12) -> bool:
    """Whether a run of 1 to `longest` units is said more than `repeats` times in a row, as Whisper's loops are."""
    for size in range(1, min(longest, len(units) // (repeats + 1)) + 1):
        same = 0
        for here, there in zip(units, units[size:], strict=False):
            same = same + 1 if here == there else 0
            if same >= size * repeats:
                return True
    return False
