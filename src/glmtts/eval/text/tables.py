"""Tables of text: a row a line, its columns between tabs."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from glmtts.errors import EvaluationError


def read_text(path: Path) -> str:
    """The text of a file; a byte order mark is none of it.

    Raises:
        EvaluationError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path} cannot be read: {error}. Give another file.") from None


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number, from one, and text of the lines that are not blank. Unlike `splitlines`, a U+2028 ends none.

    Raises:
        EvaluationError: as `read_text`.
    """
    lines = enumerate(read_text(path).split("\n"), 1)
    return ((number, line) for number, line in lines if line.strip())


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Number and columns of the lines that are not blank.

    Raises:
        EvaluationError: the file cannot be read, or a line has more or fewer columns.
    """
    for number, line in read_lines(path):
        row = line.split("\t")
        if len(row) != len(columns):
            raise EvaluationError(
                f"Line {number} of {path} has {len(row)} columns. Write {', '.join(columns)}, with a tab between two."
            )
        yield number, row
