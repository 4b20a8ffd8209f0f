"""Pieces of text one after another as the parts of one stream, with pauses between them: needs no PyTorch."""

from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain

import numpy as np

from glmtts.audio.tempo import Tempo
from glmtts.synthesis.timing import Timed
from glmtts.text.frontend import Piece

Speak = Callable[[int, Piece], Iterator[np.ndarray | list[Timed]]]
Pauses = Callable[[Piece, bool], tuple[int, int]]


def joined_parts(
    pieces: Iterable[Piece], rate: int, speed: float, pauses: Pauses, speak: Speak
) -> Generator[np.ndarray | list[Timed], None, None]:
    """Samples (N,) of pieces at a speed, and the words of each with their times from the first sample, in seconds.

    `speak` gives the samples of the piece of a number at its own speed, and its words with the times of that piece at
    the wanted one. `pauses` gives the samples of silence before and after a piece, at its own speed; it is asked once
    more for the last one, since what follows that is only what the text asks for.
    """
    tempo, pause, fed, piece = Tempo(rate, speed), 0, 0, None
    for number, piece in enumerate(pieces):
        before, after = pauses(piece, False)
        # in samples before the change of tempo, since `tempo` gives its own in blocks; divided by the speed below
        start = fed + pause + before
        for part in chain([_silence(pause + before)], speak(number, piece)):
            if isinstance(part, list):
                yield [word.later(start / rate / speed) for word in part]
                continue
            fed += len(part)
            if len(made := tempo.feed(part)):
                yield made
        pause = after
    last = 0 if piece is None else pauses(piece, True)[1]
    for rest in tempo.feed(_silence(last)), tempo.finish():
        if len(rest):
            yield rest


def _silence(samples: int) -> np.ndarray:
    return np.zeros(samples, np.float32)
