"""When each word of a piece is spoken, read from its speech tokens by forced alignment (ctc.py).

Words are shown as they were written (text/written.py): "$5" for as long as "five dollars" takes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glmtts.judging.reading import Reading
from glmtts.synthesis.segment import Segment
from glmtts.text.english import WORD
from glmtts.text.labels import BOUNDARY
from glmtts.text.mandarin import CHINESE
from glmtts.text.written import stretches

_SPOKEN = re.compile(rf"{CHINESE.pattern}|{WORD.pattern}")


@dataclass(frozen=True)
class Timed:
    """A stretch of text and when it is spoken, in seconds."""

    text: str
    start: float
    end: float

    def later(self, seconds: float) -> "Timed":
        """The same in speech in which it begins later."""
        return Timed(self.text, self.start + seconds, self.end + seconds)


def word_times(reading: Reading, piece: str, phonemes: Sequence[str], token_rate: float) -> list[Timed]:
    """English words and Chinese characters of a piece with their times, from a reading of its speech tokens.

    `phonemes` are those of the whole piece, "|" between words and characters.

    Empty where not every word has a known reading, or where the tokens do not hold all of them.
    """
    words, labels = _SPOKEN.findall(piece), list(phonemes)
    boundaries = np.array([label == BOUNDARY for label in labels], dtype=int)
    word_of_label = np.cumsum(boundaries) - boundaries
    # one word without a reading would give its time, and all that follow theirs, to the wrong words
    if boundaries.sum() + 1 != len(words):
        return []
    path = reading.align(labels)
    if not len(path):
        return []
    spoken = word_of_label[path]
    starts = np.searchsorted(spoken, np.arange(len(words) + 1)) / token_rate
    return [Timed(word, float(start), float(end)) for word, start, end in zip(words, starts, starts[1:], strict=False)]


def segment_times(reading: Reading | None, segment: Segment, token_rate: float) -> list[Timed]:
    """The words of a segment as they were written, with their times; none where there is no reading, or it lacks some.

    `token_rate` is in speech tokens a second, at the speed at which they are heard.
    """
    if reading is None:
        return []
    piece = segment.piece
    return as_written(word_times(reading, piece.written or piece.text, segment.phonemes, token_rate), piece.source)


def as_written(words: Sequence[Timed], source: str) -> list[Timed]:
    """The times of spoken words as those of the words of `source`, the text that they were read from.

    As they are where there is no source, or where nothing in it was found to be spoken.
    """
    found = stretches(source, " ".join(word.text for word in words)) if words else []
    return [Timed(one.text, words[one.first].start, words[one.last - 1].end) for one in found] or list(words)
