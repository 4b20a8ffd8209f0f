"""A transcript as units, words of English and characters of Mandarin, and the marks that stand between them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from glmtts.text.edits import aligned, edits_but_blanks
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
    """The units of a text in order; none where nobody says anything, as in "…"."""
    places = [(match.start(), match.end()) for match in _UNIT.finditer(text)]
    following = [*(start for start, _ in places[1:]), len(text)][: len(places)]
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
    """Edits over the wanted units; 1 where nothing is wanted and something is heard.

    Words that differ in blanks alone are the same speech: "onto" is no error for "on to", nor "wood cutters" for
    "woodcutters". On English that two recognisers agree on, every sixth edit was one (docs/pipeline_stages.md).
    """
    if not wanted:
        return float(bool(heard))
    return edits_but_blanks(heard, wanted) / len(wanted)


def word_error_rate(heard: Sequence[str], words: Sequence[Sequence[str]]) -> float:
    """Share of the words that are not heard in a sequence of phonemes, for recognisers that err in many phonemes.

    The phonemes are aligned by their edit distance; a word (its phonemes) is not heard where more than half of it is
    wrong, left out or has others put in. A wrong tone alone, or one confused consonant, is the recogniser's fault more
    often than the text's.
    """
    wanted = [symbol for word in words for symbol in word]
    owner = [number for number, word in enumerate(words) for _ in word]
    if not wanted:
        return float(bool(heard))
    wrong = [0] * len(words)
    for at in _edits(heard, wanted):
        # what is put in behind the last phoneme counts against the last word
        wrong[owner[min(at, len(owner) - 1)]] += 1
    return sum(2 * errors > len(word) for errors, word in zip(wrong, words, strict=True) if word) / len(words)


def _edits(heard: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Where in `wanted` the edits of one best alignment are; something put in belongs to what comes after it."""
    places, after = list[int](), len(wanted)
    for pair in reversed(aligned(wanted, heard)):
        after = after if pair.wanted is None else pair.wanted
        if pair.wanted is None or pair.heard is None or wanted[pair.wanted] != heard[pair.heard]:
            places.append(after)
    return places


def loops(units: Sequence[str], repeats: int = 3, longest: int = 12) -> bool:
    """Whether a run of 1 to `longest` units is said more than `repeats` times in a row, as Whisper's loops are."""
    for size in range(1, min(longest, len(units) // (repeats + 1)) + 1):
        same = 0
        for here, there in zip(units, units[size:], strict=False):
            same = same + 1 if here == there else 0
            # so many equal neighbours are `repeats` + 1 copies
            if same >= size * repeats:
                return True
    return False
