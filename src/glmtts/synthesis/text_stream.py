"""Text that arrives in parts, such as a language model's answer: whole sentences are taken off its front."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

from glmtts.errors import EmptyTextError
from glmtts.text.frontend import Piece, TextFrontend
from glmtts.text.normalise_en import BEFORE_DIGITS, MAYBE_LAST, MID_SENTENCE

_SENTENCE = re.compile(r"[。！？；…]+[”’」』）]*|[.!?;]+[\"')]*(?=\s)|\n")
_WORD = re.compile(r"\b[A-Za-z][A-Za-z.]*$")
_INITIAL = re.compile(r"[A-HJ-Z]\.")
_LETTERS = re.compile(r"(?:[A-Za-z]\.){2,}")
_LONGEST_WORD = 8


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


def sentence_ends(text: str) -> list[int]:
    """Where the sentences that are whole in `text` end; a closing quote may still follow one at its very end."""
    return [match.end() for match in _ends(text)]


def _ends(text: str) -> Iterator[re.Match[str]]:
    return (match for match in _SENTENCE.finditer(text) if not _goes_on(text, match))


def _goes_on(text: str, mark: re.Match[str]) -> bool:
    """Whether a full stop belongs to an abbreviation or an initial, as far as one can tell yet.

    "Mr. Smith" goes on, "No. 5" does and "No. He" does not, "at 5 p.m. today" does and "at 5 p.m. Then" does not.
    """
    word = _WORD.search(text[max(0, mark.start() - _LONGEST_WORD) : mark.end()])
    if mark[0] != "." or word is None:
        return False
    follows = text[mark.end() :].lstrip(" ")[:1]
    if word[0] in BEFORE_DIGITS:
        return not follows or follows.isdigit()
    if word[0] in MID_SENTENCE or _INITIAL.fullmatch(word[0]):
        return True
    return bool(word[0] in MAYBE_LAST or _LETTERS.fullmatch(word[0])) and (not follows or follows.islower())


def sentences(parts: Iterable[str]) -> Iterator[str]:
    """Sentences with their marks; what has no end mark comes last. Joined, they are the text."""
    waiting = ""
    for part in parts:
        waiting += part
        while end := next(_ends(waiting), None):
            if end.end() == len(waiting) and end[0] != "\n":
                break  # a closing quote may still follow
            yield waiting[: end.end()]
            waiting = waiting[end.end() :]
    if waiting:
        yield waiting
