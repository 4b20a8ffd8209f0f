"""What the programs of recipes/ and benchmarks/ share: a mistake is one sentence, said before hours of work.

The types are for argparse, and say what is wrong with an argument; the readers of lists name the line; `run_program`
makes one sentence of what is left, as the command line does.
"""

import argparse
import json
import logging
import math
import shlex
import stat
import subprocess
import tempfile
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from glmtts import durable
from glmtts.errors import DataError, GlmTtsError
from glmtts.options import LANGUAGES
from glmtts.places import is_file, status

logger = logging.getLogger("glmtts")
Record = dict[str, Any]
INDEX = "index.jsonl"
OF_A_CORPUS = ("id", "lang", "text", "speaker", "seconds")
CURE = "Free some space, or give another path."


def run_program(main: Callable[[], object]) -> None:
    """Run a program: whatever a user can cause is one sentence and exit code 2."""
    from glmtts.terminal import sentence_of, stop, with_utf8

    with_utf8()
    try:
        main()
    except GlmTtsError as error:
        stop(str(error))
    except KeyboardInterrupt:
        raise SystemExit(130) from None  # 128 + SIGINT, as shells count
    except subprocess.CalledProcessError as error:
        command = error.cmd if isinstance(error.cmd, str) else shlex.join(map(str, error.cmd))
        stop(f"A command has failed, and says why above: {command}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("glmtts"):
            raise
        stop(f"This needs the package {error.name}, which is not installed. See --help, or the page of this program.")
    except OSError as error:
        if error.filename is None or error.errno is None:
            stop(sentence_of(error))
        stop(f"{error.filename} cannot be used: {error.strerror}. Free some space, or give another path.")
    except Exception as error:
        stop(sentence_of(error))


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """A parser that shows the head of a program as it is written."""
    return argparse.ArgumentParser(description=description, formatter_class=argparse.RawTextHelpFormatter)


def number_from(least: float = 0.0, most: float = math.inf, above: bool = False) -> Callable[[str], float]:
    """A type of arguments: a number from `least` to `most`; with `above`, `least` itself is too small."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or not least <= value <= most or (above and value == least):
            low = f"above {least:g}" if above else f"from {least:g}"
            raise ArgumentTypeError(f"'{text}' is no number {low}{'' if most == math.inf else f' to {most:g}'}")
        return value

    return parse


def whole_from(least: int = 1, most: int | None = None) -> Callable[[str], int]:
    """A type of arguments: a whole number from `least` on, to `most` where that is given."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least or (most is not None and value > most):
            raise ArgumentTypeError(f"'{text}' is no whole number from {least}{'' if most is None else f' to {most}'}")
        return value

    return parse


def a_file(text: str) -> Path:
    """A type of arguments: a file that is there and holds something."""
    path, found = _looked_at(text)
    if found is None or stat.S_ISDIR(found.st_mode):
        raise ArgumentTypeError(f"{text} is {'a folder' if found else 'not there'}. Give a file")
    if stat.S_ISREG(found.st_mode) and not found.st_size:
        raise ArgumentTypeError(f"{text} is empty. Give a file that holds something")
    return path


def a_folder(text: str) -> Path:
    """A type of arguments: a folder that is there and holds something."""
    path, found = _looked_at(text)
    if found is None or not stat.S_ISDIR(found.st_mode):
        raise ArgumentTypeError(f"{text} is {'a file' if found else 'not there'}. Give a folder")
    try:
        empty = not any(path.iterdir())
    except OSError as error:
        raise ArgumentTypeError(f"{text} cannot be read: {error.strerror}. Give another folder") from None
    if empty:
        raise ArgumentTypeError(f"{text} is empty. Give a folder that holds something")
    return path


def file_to_write(text: str) -> Path:
    """A type of arguments: a file that can be written, or be replaced where it is there."""
    path, found = _looked_at(text)
    if found is not None and stat.S_ISDIR(found.st_mode):
        raise ArgumentTypeError(f"{text} is a folder. Give the name of a file")
    _check_takes(path.absolute().parent)
    return path


def folder_to_fill(text: str) -> Path:
    """A type of arguments: a folder that takes files, or can be made."""
    path, found = _looked_at(text)
    if found is not None and not stat.S_ISDIR(found.st_mode):
        raise ArgumentTypeError(f"{text} is a file. Give a folder")
    _check_takes(path.absolute())
    return path


def _looked_at(text: str) -> tuple[Path, Any]:
    """A path, and what the system says of it; None where nothing is there."""
    if not text.strip():
        raise ArgumentTypeError("the name is empty")
    try:
        return Path(text), status(Path(text), DataError)
    except DataError as error:
        raise ArgumentTypeError(str(error)) from None


def _check_takes(folder: Path) -> None:
    """See that files can be made in a folder, or where it is to be made; its mode does not tell (root, mounts)."""
    there = next(one for one in (folder, *folder.parents) if _looked_at(str(one))[1] is not None)
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise ArgumentTypeError(f"{folder} cannot be written: {error.strerror}. Choose another place") from None


def read_index(folder: Path, keys: Sequence[str] = OF_A_CORPUS, name: str = INDEX) -> list[Record]:
    """The lines of a corpus' index: objects with text by each of `keys`, and by `seconds` a length above 0.

    A line with the id of an earlier one is left out with a warning: corpora have such lines, and a dataset would hold
    the utterance twice.

    Raises:
        DataError: it cannot be read or holds nothing, or a line is no such object.
    """
    records, path, places = [], folder / name, dict[str, int]()
    for place, line in _lines(path):
        record = _object(line)
        lacks = [key for key in keys if not _right(key, record.get(key))] if record is not None else ["JSON object"]
        if record is None or lacks or not isinstance(record.get("file"), str | None):
            raise DataError(
                f"Line {place} of {path} has no right {', '.join(lacks) or 'file'}. Mend it, or take it out."
            )
        if "id" in keys and places.setdefault(record["id"], place) != place:
            logger.warning("Line %d of %s is left out: line %d has its id.", place, path, places[record["id"]])
            continue
        records.append(record)
    if not records:
        raise DataError(f"{path} has no lines. Give a corpus that has some.")
    return records


def _lines(path: Path) -> Iterable[tuple[int, str]]:
    """Number and text of the lines that are not blank; not splitlines, as JSON may hold U+2028."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8. Save it as UTF-8.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. Give a corpus, a folder that has one.") from None
    return ((place, line) for place, line in enumerate(lines, 1) if line.strip())


def _object(line: str) -> Record | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _right(key: str, value: Any) -> bool:
    if key == "seconds":
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf
    return isinstance(value, str) and bool(value.strip()) and (key != "lang" or value in LANGUAGES)


def recording(folder: Path, record: Record) -> Path:
    """Where the audio of a line of an index lies: `ID.opus`, or what `file` names.

    Raises:
        DataError: it is not there.
    """
    path = folder / (record.get("file") or f"{record['id']}.opus")
    if not is_file(path, DataError):
        raise DataError(f"{path} is not there, and {folder / INDEX} names it. Add it, or take its line out.")
    return path


def check_names(names: Iterable[str]) -> None:
    """See that files can be named so, each its own: many disks take names that differ only in case for one.

    Raises:
        DataError: one is no name of a file, or two are one.
    """
    known: dict[str, str] = {}
    for name in names:
        if name in (".", "..") or not name.isprintable() or set(name) & set('/\\:*?"<>|'):
            raise DataError(f"The id '{name}' can be no name of a file. Give that line another.")
        if known.setdefault(name.casefold(), name) != name:
            raise DataError(f"The ids '{known[name.casefold()]}' and '{name}' differ only in case. Change one of them.")


def read_rows(path: Path) -> list[Record]:
    """What earlier runs have added to a file with `add_row`, none where it is not there; what a kill cut is left out.

    Raises:
        DataError: the file cannot be read, or a line before the last is no object.
    """
    if not is_file(path, DataError):
        return []
    lines = path.read_bytes().split(b"\n")
    rows = [
        (place, _object(line.decode("utf-8-sig", "replace"))) for place, line in enumerate(lines, 1) if line.strip()
    ]
    for place, row in rows:
        if row is None and place < len(lines):
            raise DataError(f"Line {place} of {path} is damaged. Take it out, and what it held is done again.")
    return [row for _, row in rows if row is not None]


def add_row(path: Path, row: Record) -> None:
    """Add a line to a file of rows, in place of the head of one that a kill has left at its end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        file.seek(0)
        before, _, last = file.read().rpartition(b"\n")
        if last and _object(last.decode("utf-8-sig", "replace")) is None:
            file.truncate(len(before) + 1 if before else 0)
        ended = b"" if not last or _object(last.decode("utf-8-sig", "replace")) is None else b"\n"
        file.write(ended + (json.dumps(row, ensure_ascii=False) + "\n").encode())


def write_text(path: Path, text: str) -> None:
    """Write a file that appears whole or not at all, and its folder. Raises DataError where the disk takes none."""
    durable.write_text(path, text, DataError, CURE)


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Have `write` fill a file beside `path`, which then takes its place; nothing stays of it where that fails.

    Raises:
        DataError: the disk does not take it.
    """
    with durable.whole_file(path, DataError, CURE) as temporary:
        write(temporary)
