"""Which recordings a run takes: files of a folder, or those that a manifest names; nothing outside the folder."""

import errno
import json
import os
import stat
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from glmtts.config import check_depth, parse_json
from glmtts.errors import ConfigError, DataError
from glmtts.options import LANGUAGES
from glmtts.places import is_utf8

LONGEST_LINE = 1 << 20  # bytes of a manifest's line
FIELDS = ("text", "language", "speaker")  # labels that are fields of an utterance
DEEPEST_LABEL = 16  # lists within lists; the files that a label goes through take some levels more
OUTSIDE, NO_FILE = "leaves the input folder", "not a regular file"
UNREADABLE = "cannot be read"  # how a reason begins that is the system's and may pass, such as a share that is away


@dataclass(frozen=True)
class Entry:
    """A file that was given: its path below the input folder, what is known of it, and why it is not read, if so.

    `size` (bytes) and `changed` (ns) are what the system says of it; 0 where it says nothing.
    """

    path: str
    labels: dict[str, Any] = field(default_factory=dict)
    refused: str = ""
    size: int = 0
    changed: int = 0


def list_inputs(folder: Path, manifest: Path | None = None) -> list[Entry]:
    """The recordings of a run, ordered by path.

    Links are followed where they stay inside the folder. What leaves it, is no regular file or has no readable name is
    listed as refused, so that it appears in the report.

    Raises:
        DataError: the folder or the manifest cannot be read, or the manifest names a file twice.
    """
    folder = folder.resolve()
    check_folder(folder)
    if manifest is not None:
        entries = [seen(folder, Entry(path, labels)) for path, labels in named_in(manifest)]
    else:
        entries = [seen(folder, Entry(path, {}, refused)) for path, refused in _walk(folder)]
    twice = [name for name, times in Counter(entry.path for entry in entries).items() if times > 1]
    if twice:
        raise DataError(f"{manifest} names {min(twice)} twice. Name each recording once.")
    return sorted(entries, key=lambda entry: entry.path)


def check_folder(folder: Path) -> None:
    """Raises DataError where the folder of the recordings is not there, as when its disk is not mounted."""
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder. Give the folder of the recordings as run.input.")


def check_apart(source: Path, output: Path) -> None:
    """See that what is written to `output` is no recording of `source`.

    Raises:
        ConfigError: it lies in there, and the next run would read it.
    """
    if output.resolve().is_relative_to(source.resolve()):
        raise ConfigError(
            f"The output {output} lies in the folder of the recordings, {source}, and would be read as more of them. "
            "Give an output beside it."
        )


def _walk(folder: Path) -> Iterator[tuple[str, str]]:
    """Every file below a folder but hidden ones, and folders that cannot be opened, each with why it is refused.

    Folders that are links are not entered, as they can be loops.
    """
    closed: list[OSError] = []  # os.walk passes over them, and their recordings would be missing in silence
    for place, folders, files in os.walk(folder, onerror=closed.append):
        # in place, since os.walk goes on with what is left in the list
        folders[:] = [name for name in folders if not name.startswith(".")]
        # a link to a folder is listed, and then refused as no regular file
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        for name in [*links, *files]:
            if not name.startswith("."):
                yield (Path(place) / name).relative_to(folder).as_posix(), ""
    for error in closed:
        unread = Path(error.filename)
        if unread == folder:
            raise DataError(f"{folder} cannot be read: {error.strerror}. Let this user read it.")
        yield unread.relative_to(folder).as_posix(), f"folder cannot be opened: {error.strerror}"


def named_in(manifest: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Paths and labels of a manifest, line by line. Raises DataError where it cannot be read, or a line is wrong."""
    try:
        with manifest.open("rb") as file:
            # a line that is longer comes in parts, none of which is JSON
            for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), 1):
                text = line.removeprefix(BOM_UTF8) if number == 1 else line  # editors of Windows write one
                if text.strip():
                    yield _row(manifest, number, text)
    except OSError as error:
        raise DataError(f"{manifest} cannot be read: {error.strerror}. Give a JSONL file.") from None


def _row(manifest: Path, number: int, line: bytes) -> tuple[str, dict[str, Any]]:
    try:
        values = parse_json(line.decode("utf-8"))
        path, labels = values.pop("path"), values.pop("labels", {})
        if values or not isinstance(path, str) or not isinstance(labels, dict):
            raise ValueError
        json.dumps(labels, ensure_ascii=False).encode()  # half of a surrogate pair is in no text, and no shard takes it
        check_depth(labels, DEEPEST_LABEL)
        if any(not isinstance(labels.get(key), str | None) for key in FIELDS):
            raise ValueError
        if labels.get("language") not in (None, *LANGUAGES):
            raise DataError(
                f"{manifest}, line {number}, has the language '{labels['language']}'. Write zh or en, or nothing."
            )
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise DataError(
            f'{manifest}, line {number}, is not {{"path": "…", "labels": {{…}}}}, text, speaker and language as text. '
            "Correct it; labels may be left out."
        ) from None
    return path, labels


def seen(folder: Path, entry: Entry) -> Entry:
    """An entry of a resolved folder with what the system says of its file: why it is not read, or its size and age."""
    if entry.refused:
        return entry
    if not is_utf8(entry.path):
        return replace(entry, refused="its name is not UTF-8")
    try:
        real = (folder / entry.path).resolve(strict=True)
        said = real.stat()
    except PermissionError as error:
        return replace(entry, refused=f"cannot be opened: {error.strerror}")
    except (OSError, ValueError, RuntimeError):  # missing, a loop of links, a zero byte in the name
        return replace(entry, refused="no such file")
    if not real.is_relative_to(folder):
        return replace(entry, refused=OUTSIDE)
    if not stat.S_ISREG(said.st_mode):
        return replace(entry, refused=NO_FILE)  # opening a pipe would wait forever
    if not os.access(real, os.R_OK):
        return replace(entry, refused=f"cannot be opened: {os.strerror(errno.EACCES)}")
    return replace(entry, size=said.st_size, changed=said.st_mtime_ns)


def to_json(entry: Entry) -> str:
    """One line; a name that is not UTF-8 keeps its odd bytes as escapes."""
    return json.dumps(vars(entry))
