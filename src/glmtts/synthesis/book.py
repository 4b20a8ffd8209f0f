"""A text to be read aloud, line by line, from a file or standard input, with a bar of how far it has been spoken."""

import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from tqdm import tqdm

from glmtts.text.encodings import decoded, open_text, undecodable


class Book:
    """The lines of a text; `-` is standard input, which is read whole, since its encoding must be known first."""

    def __init__(self, place: str) -> None:
        """Open it.

        Raises:
            TextError: it cannot be opened, or is no text.
        """
        self._name = "Standard input" if place == "-" else place
        self._text: TextIO
        if place == "-":
            content = decoded(sys.stdin.buffer.read(), self._name)
            self._text, self._encoding, total = StringIO(content), "utf-8", len(content.encode())
        else:
            self._text = open_text(Path(place))
            self._encoding, total = self._text.encoding, Path(place).stat().st_size
        self._bar = tqdm(total=total, unit="B", unit_scale=True, desc="reading", delay=1)

    def __iter__(self) -> Iterator[str]:
        """The lines. Raises TextError where one is not of the encoding that the beginning has."""
        try:
            yield from self._text
        except UnicodeError as error:
            raise undecodable(self._name, error) from None

    def done(self, piece: str) -> None:
        """Advance the bar by a piece as it was written; marks of lines and controls are missing there."""
        size = len(piece.encode(self._encoding.replace("sig", ""), errors="replace"))
        self._bar.update(min(size, self._bar.total - self._bar.n))

    def finish(self) -> None:
        """All is spoken."""
        self._bar.update(self._bar.total - self._bar.n)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.close()
        self._text.close()
