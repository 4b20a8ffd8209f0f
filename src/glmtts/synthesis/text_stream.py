"""Text that arrives in parts, such as a language model's answer: whole sentences are taken off its front."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain

from glmtts.errors import EmptyTextError
from glmtts.synthesis.preparing import checked_text
from glmtts.text.frontend import Piece, TextFrontend
from glmtts.text.reader import Reader, Sentence
from glmtts.text.structure import sentence_ends

_log = logging.getLogger(__name__)
__all__ = ["SilenceBetween", "pieces_of", "sentence_ends", "sentences"]


def pieces_of(frontend: TextFrontend, text: str | Iterable[str], language: str | None) -> Iterator[Piece]:
    """Prepared pieces of a text, or of a text in parts, each as soon as its sentence has ended.

    Raises:
        TextError: nothing in the whole text can be spoken, a sentence is too long, a control in it is not valid, or
            text or part is no `str`.
    """
    if isinstance(text, str) or not isinstance(text, Iterable):
        yield from frontend.prepare(checked_text(text), language)
        return
    spoken, silence = False, SilenceBetween()
    for sentence in _read(text):
        pieces = silence.before(partial(frontend.prepare_sentence, sentence, language))
        spoken = spoken or bool(pieces)
        yield from pieces
    if not spoken:
        raise EmptyTextError(warnings=silence.waiting)


class SilenceBetween:
    """Keeps what parts of a text ask for that hold nothing to speak: their silence comes before the next part.

    So do `usual` seconds after a part that asks for none, and the warnings; each warning is given and logged once.
    """

    def __init__(self, usual: float = 0.0) -> None:
        self._usual, self._seconds = usual, 0.0
        self._given = set[str]()
        self.waiting: list[str] = []

    def before(self, read: Callable[[], list[Piece]]) -> list[Piece]:
        """The pieces of the next part, none where there is nothing to speak.

        Raises: as `read` does, but for an empty text.
        """
        try:
            pieces = read()
        except EmptyTextError as nothing:
            self._seconds += nothing.pause
            self._warn(nothing.warnings)
            return []
        self._warn(pieces[0].warnings)
        before = pieces[0].pause_before + self._seconds
        pieces[0] = replace(pieces[0], pause_before=before, warnings=tuple(self.waiting))
        self._seconds = self._usual if pieces[-1].pause_after is None else 0.0
        self.waiting = []
        return pieces

    def at_least(self, seconds: float) -> None:
        """A pause of so many seconds comes before the next part, where none that is longer does."""
        self._seconds = max(self._seconds, seconds)

    def _warn(self, warnings: Iterable[str]) -> None:
        new = [warning for warning in warnings if _subject(warning) not in self._given]
        self._given.update(_subject(warning) for warning in new)
        self.waiting += new
        for warning in new:
            _log.warning(warning)


def sentences(parts: Iterable[str]) -> Iterator[str]:
    """Sentences with their marks; what has no end mark comes last. Joined, they are the text."""
    return (sentence.raw for sentence in _read(parts))


def _read(parts: Iterable[str]) -> Iterator[Sentence]:
    reader = Reader()
    return chain(chain.from_iterable(map(reader.feed, map(checked_text, parts))), _rest(reader))


def _rest(reader: Reader) -> Iterator[Sentence]:
    # a generator, so that it is asked for what is left only when all parts have been fed
    yield from reader.finish()


def _subject(warning: str) -> str:
    """What a warning is about, without the letters that it shows: one a script is enough."""
    return re.sub(r" \([^()]*\)", "", warning)
