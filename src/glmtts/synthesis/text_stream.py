"""Text that arrives in parts, such as a language model's answer: whole sentences are taken off its front."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from glmtts.errors import EmptyTextError
from glmtts.text.frontend import Piece, TextFrontend

_SENTENCE = re.compile(r"[。！？；…]+[”’」』）]*|[.!?;]+[\"')]*(?=\s)|\n")


def pieces_of(frontend: TextFrontend, text: str | Iterable[str], language: str | None) -> Iterator[Piece]:
    """Prepared pieces of a text, or of a text in parts, each as soon as its sentence has ended.

    Raises:
        TextError: nothing in the whole text can be spoken, a sentence is too long, or a control in it is not valid.
    """
    if isinstance(text, str):
        yield from frontend.prepare(text, language)
        return
    spoken, silence = False, SilenceBetween()
    for sentence in sentences(text):
        pieces = silence.before(partial(frontend.prepare, sentence, language))
        spoken = spoken or bool(pieces)
        yield from pieces
    if not spoken:
        raise EmptyTextError


class SilenceBetween:
    """Keeps the silence that parts of a text ask for which hold nothing to speak; it comes before the next part."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def before(self, read: Callable[[], list[Piece]]) -> list[Piece]:
        """The pieces of the next part, none where there is nothing to speak.

        Raises: as `read` does, but for an empty text.
        """
        try:
            pieces = read()
        except EmptyTextError as nothing:
            self._seconds += nothing.pause
            return []
        pieces[0].pause_before += self._seconds
        self._seconds = 0.0
        return pieces


def sentence_ends(text: str) -> list[int]:
    """Where the sentences that are whole in `text` end; a closing quote may still follow one at its very end."""
    return [match.end() for match in _SENTENCE.finditer(text)]


def sentences(parts: Iterable[str]) -> Iterator[str]:
    """Sentences with their marks; what has no end mark comes last. Joined, they are the text."""
    waiting = ""
    for part in parts:
        waiting += part
        while end := _SENTENCE.search(waiting):
            if end.end() == len(waiting) and end[0] != "\n":
                break  # a closing quote may still follow
            yield waiting[: end.end()]
            waiting = waiting[end.end() :]
    if waiting:
        yield waiting
