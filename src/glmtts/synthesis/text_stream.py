"""Text that arrives in parts, such as a language model's answer: whole sentences are taken off its front."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain

from glmtts.errors import EmptyTextError
from glmtts.text.frontend import Piece, TextFrontend
from glmtts.text.structure import Reader, Sentence, sentence_ends

__all__ = ["SilenceBetween", "pieces_of", "sentence_ends", "sentences"]


def pieces_of(frontend: TextFrontend, text: str | Iterable[str], language: str | None) -> Iterator[Piece]:
    """Prepared pieces of a text, or of a text in parts, each as soon as its sentence has ended.

    Raises:
        TextError: nothing in the whole text can be spoken, a sentence is too long, or a control in it is not valid.
    """
    if isinstance(text, str):
        yield from frontend.prepare(text, language)
        return
    spoken, silence, warned = False, SilenceBetween(), set[str]()
    for sentence in _read(text):
        pieces = silence.before(partial(frontend.prepare_sentence, sentence, language))
        if pieces:
            new = tuple(warning for warning in pieces[0].warnings if warning not in warned)
            warned.update(new)
            pieces[0] = replace(pieces[0], warnings=new)
        spoken = spoken or bool(pieces)
        yield from pieces
    if not spoken:
        raise EmptyTextError


class SilenceBetween:
    """Keeps the silence that parts of a text ask for which hold nothing to speak; it comes before the next part.

    So do `usual` seconds after a part that asks for none.
    """

    def __init__(self, usual: float = 0.0) -> None:
        self._usual, self._seconds = usual, 0.0

    def before(self, read: Callable[[], list[Piece]]) -> list[Piece]:
        """The pieces of the next part, none where there is nothing to speak.

        Raises: as `read` does, but for an empty text.
        """
        try:
            pieces = read()
        except EmptyTextError as nothing:
            self._seconds += nothing.pause
            return []
        pieces[0] = replace(pieces[0], pause_before=pieces[0].pause_before + self._seconds)
        self._seconds = self._usual if pieces[-1].pause_after is None else 0.0
        return pieces


def sentences(parts: Iterable[str]) -> Iterator[str]:
    """Sentences with their marks; what has no end mark comes last. Joined, they are the text."""
    return (sentence.raw for sentence in _read(parts))


def _read(parts: Iterable[str]) -> Iterator[Sentence]:
    reader = Reader()
    return chain(chain.from_iterable(map(reader.feed, parts)), _rest(reader))


def _rest(reader: Reader) -> Iterator[Sentence]:
    yield from reader.finish()
