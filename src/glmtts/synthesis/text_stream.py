"""Text that arrives in parts, such as a language model's answer: whole sentences are taken off its front."""

import re
from collections.abc import Iterable, Iterator

from glmtts.errors import TextError
from glmtts.text.frontend import TextFrontend

_SENTENCE = re.compile(r"[。！？；…]+[”’」』）]*|[.!?;]+[\"')]*(?=\s)|\n")


def pieces_of(frontend: TextFrontend, text: str | Iterable[str], language: str | None) -> Iterator[str]:
    """Prepared pieces of a text, or of a text in parts, each as soon as its sentence has ended.

    Raises:
        TextError: nothing in the whole text can be spoken, or a sentence is too long.
    """
    if isinstance(text, str):
        yield from frontend.prepare(text, language)
        return
    spoken = False
    for sentence in sentences(text):
        try:
            pieces = frontend.prepare(sentence, language)
        except TextError:
            if len(sentence) > frontend.config.max_characters:
                raise
            continue
        spoken = True
        yield from pieces
    if not spoken:
        raise TextError("The text holds nothing to speak. Give at least one word in Mandarin or English.")


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
