"""Files that survive a power cut: what was reported as written is on the disk, whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from safetensors import SafetensorError

from glmtts.errors import GlmTtsError

WINDOWS = os.name == "nt"


def sync(path: Path) -> None:
    """Have a file or folder on the disk before going on.

    Raises:
        OSError: the disk does not take it.
    """
    if WINDOWS and path.is_dir():  # Windows opens no folder, and NTFS journals names itself
        return
    handle = os.open(path, os.O_RDWR if WINDOWS else os.O_RDONLY)  # Windows flushes only what may be written
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace(temporary: Path, target: Path) -> None:
    """Rename a finished file over `target`; without the first sync a power cut can leave an empty file of that name.

    Raises:
        OSError: the disk does not take it.
    """
    sync(temporary)
    temporary.replace(target)
    # the name stands in the folder, which is flushed apart from the file
    sync(target.parent)


@contextmanager
def writable(place: Path, kind: type[GlmTtsError], cure: str) -> Iterator[None]:
    """Say in one sentence, as an error of this kind, that a place takes nothing, and with `cure` what to do.

    Raises:
        GlmTtsError: of `kind`; something within could not be written.
    """
    try:
        yield
    except (OSError, SafetensorError, UnicodeEncodeError) as error:  # the last of a name or text that is not UTF-8
        reason = getattr(error, "strerror", None) or str(error)
        raise kind(f"{place} cannot be written: {reason}. {cure}") from None


def hidden_prefix(name: str) -> str:
    """How the name of what is being written for `name` begins; cut, as a system takes names of 255 bytes."""
    return f".{name[:40]}."  # 40 characters take at most 160 bytes


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to be filled, which is `target` at the end; where that fails, nothing of it stays.

    `target` is not there, or empty: then it stays the folder that it is, which may be a mounted one.

    Raises:
        OSError: the disk does not take it.
    """
    there = target.is_dir()
    # beside what it becomes, since a rename does not cross disks
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=hidden_prefix(target.name), dir=target if there else target.parent) as temporary:
        # a folder of its own: the temporary one is for its owner alone, and "." has no name
        folder = Path(temporary) / (target.name or "new")
        folder.mkdir()
        yield folder
        # folders too, since names stand in them
        for path in folder.rglob("*"):
            sync(path)
        if there:
            for path in sorted(folder.iterdir(), key=lambda one: one.stat().st_mtime_ns):  # what was last comes last
                path.replace(target / path.name)
            sync(target)
        else:
            replace(folder, target)
