"""When each word of a piece is spoken, read from its speech tokens by forced alignment (judging/ctc.py)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glmtts.judging.reading import Reading
from glmtts.text.english import WORD
from glmtts.text.labels import BOUNDARY
from glmtts.text.mandarin import CHINESE

_SPOKEN = re.compile(rf"{CHINESE.pattern}|{WORD.pattern}")


@dataclass(frozen=True)
class Timed:
    """A stretch of text and when it is spoken, in seconds."""

    text: str
    start: float
    end: float


def word_times(reading: Reading, piece: str, phonemes: Sequence[str], token_rate: float) -> list[Timed]:
    """English words and Chinese characters of a piece with their times, from a reading of its speech tokens.

    `phonemes` are those of the whole piece, "|" between words and characters.

    Empty where not every word has a known reading, or where the tokens do not hold all of them.
    """
    words, labels = _SPOKEN.findall(piece), list(phonemes)
    boundaries = np.array([label == BOUNDARY for label in labels], dtype=int)
    word_of_label = np.cumsum(boundaries) - boundaries
    if boundaries.sum() + 1 != len(words):
        return []
    path = reading.align(labels)
    if not len(path):
        return []
    spoken = word_of_label[path]
    starts = np.searchsorted(spoken, np.arange(len(words) + 1)) / token_rate
    return [Timed(word, float(start), float(end)) for word, start, end in zip(words, starts, starts[1:], strict=False)]
