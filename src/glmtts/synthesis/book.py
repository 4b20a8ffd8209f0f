"""A text to be read aloud, line by line, from a file or a pipe, with a bar of how far it has been spoken."""

import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from types import TracebackType
from typing import BinaryIO, Self, TextIO

from tqdm import tqdm

from glmtts.errors import TextError
from glmtts.places import status
from glmtts.text.encodings import decoded, open_text, undecodable

LARGEST_PIPE = 64 << 20  # bytes, which are held in memory; the longest novels have 10 MB
LONGEST_PART = 1 << 20  # characters: a file without line ends is taken in parts
# encodings whose byte order mark stands once in a file, and would be counted with every piece
UNMARKED = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}


class Book:
    """The lines of a text; `-` is standard input.

    What is no file, such as a pipe, is read whole: its encoding must be known first, and it cannot be opened again.
    """

    def __init__(self, place: str) -> None:
        """Open it.

        Raises:
            TextError: it cannot be opened, is no text, or is a pipe without end.
        """
        if not place.strip():
            raise TextError("The name of the text is empty. Give the path of a text file, or - for standard input.")
        path = Path(place)
        found = None if place == "-" else status(path, TextError)
        self._name = "Standard input" if place == "-" else place
        self._text: TextIO
        piped = found is not None and not S_ISREG(found.st_mode) and not S_ISDIR(found.st_mode)
        if place == "-" or piped:
            content = standard_input() if place == "-" else _piped(path)
            self._text, self._encoding, total = StringIO(content), "utf-8", len(content.encode())
        else:
            self._text = open_text(path)
            self._encoding, total = self._text.encoding, path.stat().st_size
        self._bar = tqdm(total=total, unit="B", unit_scale=True, desc="reading", delay=1)

    def __iter__(self) -> Iterator[str]:
        """The lines, or parts of long ones. Raises TextError where one is not of the encoding of the beginning."""
        try:
            while part := self._text.readline(LONGEST_PART):
                yield part
        except UnicodeError as error:
            raise undecodable(self._name, error) from None

    def done(self, piece: str) -> None:
        """Advance the bar by a piece as it was written; marks of lines and controls are missing there."""
        size = len(piece.encode(UNMARKED.get(self._encoding, self._encoding), errors="replace"))
        self._bar.update(min(size, self._bar.total - self._bar.n))

    def finish(self) -> None:
        """All is spoken."""
        self._bar.update(self._bar.total - self._bar.n)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.close()
        self._text.close()


def standard_input() -> str:
    """All that comes by standard input. Raises TextError where it is closed, without end, or no text."""
    if sys.stdin is None:
        raise TextError("Standard input is closed. Give it a text, or name a file.")
    return _whole(sys.stdin.buffer, "Standard input")


def _piped(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return _whole(file, str(path))
    except OSError as error:
        raise TextError(f"{path} cannot be read: {error.strerror or error}. Give the path of a text file.") from None


def _whole(file: BinaryIO, name: str) -> str:
    data = file.read(LARGEST_PIPE + 1)
    if len(data) > LARGEST_PIPE:
        raise TextError(f"{name} holds more than {LARGEST_PIPE >> 20} MiB. Write it to a file and give its path.")
    return decoded(data, name)
