"""Files that survive a power cut: what was reported as written is on the disk, whole."""

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock, Timeout
from safetensors import SafetensorError

from glmtts.errors import GlmTtsError

WINDOWS = os.name == "nt"
PART = "part"  # in the name of a file that is being written
# what systems say of a folder that they cannot flush at all, as on network disks, or that may be filled but not opened;
# PostgreSQL passes over the same (fsync_fname): the disk itself did not fail, and nothing can be done
UNFLUSHED = (errno.EACCES, errno.EBADF, errno.EINVAL, errno.EISDIR, errno.ENOTSUP)


_NUMBER = re.compile(r"^\[\w+ -?\d+\] ")  # "[Errno 28] " and "[WinError 112] ", as the text of an OSError begins


class NotKeptError(OSError):
    """A file or folder is in its place, whole, but the disk does not say that it keeps the name of it."""

    def __init__(self, target: Path, error: OSError) -> None:
        super().__init__(error.errno, error.strerror or str(error), str(target))

    def __str__(self) -> str:
        return (
            f"{self.filename} is written and whole, but the disk does not say that it keeps it ({self.strerror}): "
            "a power cut may lose it. Look at that disk, or copy it to another."
        )


def sync(path: Path) -> None:
    """Have a file or folder on the disk before going on.

    Raises:
        OSError: the disk does not take it.
    """
    folder = path.is_dir()
    if WINDOWS and folder:  # Windows opens no folder, and NTFS journals names itself
        return
    try:
        handle = os.open(path, os.O_RDWR if WINDOWS else os.O_RDONLY)  # Windows flushes only what may be written
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if not (folder and error.errno in UNFLUSHED):
            raise


def replace(temporary: Path, target: Path) -> None:
    """Rename a finished file over `target`; without the first sync a power cut can leave an empty file of that name.

    Raises:
        NotKeptError: it is there, and only its name could not be flushed.
        OSError: the disk does not take it.
    """
    sync(temporary)
    temporary.replace(target)
    keep(target.parent, target)


def keep(folder: Path, target: Path) -> None:
    """Have the name of `target` on the disk: it stands in `folder`, which is flushed apart from what is in it.

    Raises:
        NotKeptError: the disk does not say so.
    """
    try:
        sync(folder)
    except OSError as error:
        raise NotKeptError(target, error) from None


@contextmanager
def writable(place: Path, kind: type[GlmTtsError], cure: str) -> Iterator[None]:
    """Say in one sentence, as an error of this kind, that a place takes nothing, and with `cure` what to do.

    Raises:
        GlmTtsError: of `kind`; something within could not be written, or may not be kept.
    """
    try:
        yield
    except NotKeptError as error:  # nothing is lost: who read that it cannot be written would make it again
        raise kind(str(error)) from None
    except (OSError, SafetensorError, UnicodeEncodeError) as error:  # the last of a name or text that is not UTF-8
        raise kind(f"{place} cannot be written: {_reason(error)}. {cure}") from None


def _reason(error: Exception) -> str:
    """What the system says, without numbers and names of files."""
    said = getattr(error, "strerror", None) or str(error)
    if isinstance(error, shutil.Error) and error.args and isinstance(error.args[0], list):
        # `copytree` goes on and collects what failed: source, target and the text of the error of each
        said = str(error.args[0][0][-1]) if error.args[0] else "it was not copied"
        said = _NUMBER.sub("", said).partition(": '")[0]
    return said


def part_of(path: Path) -> Path:
    """The file beside `path`, of its suffix, that `whole` fills; it stays of a killed process, until the next one."""
    return path.with_name(f"{hidden_prefix(path.name)}{PART}{path.suffix}")


def new_beside(path: Path, suffix: str) -> Path:
    """A new empty file beside `path`, hidden, of a drawn name: two processes may write `path` at once.

    It has the permissions of this user's new files, which `tempfile` takes from all but its owner.

    Raises:
        OSError: the folder takes none.
    """
    made = path.with_name(f"{hidden_prefix(path.name)}{secrets.token_hex(4)}{suffix}")
    made.touch(exist_ok=False)
    return made


@contextmanager
def filled(part: Path, path: Path) -> Iterator[Path]:
    """An empty file `part` to be filled, which then takes the place of `path`; where that fails, nothing of it stays.

    It keeps its permissions, which are those of this user's new files: safetensors would give it to its owner alone.

    Raises:
        NotKeptError: it is there, and only its name could not be flushed.
        OSError: the disk does not take it.
    """
    try:
        usual = part.stat().st_mode
        yield part
        part.chmod(usual)
        replace(part, path)
    finally:
        # in a folder that cannot be entered there is nothing to remove
        with suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file beside `path` to be filled, which then takes its place, by one process at a time; raises as `filled`."""
    part = part_of(path)
    part.unlink(missing_ok=True)  # what a killed process left has permissions of its own
    part.touch()
    with filled(part, path):
        yield part


def whole_text(path: Path, text: str) -> None:
    """Write a file that appears whole or not at all; raises as `filled`, or UnicodeEncodeError of half a character."""
    with whole(path) as part:
        part.write_text(text, encoding="utf-8")


@contextmanager
def whole_file(path: Path, kind: type[GlmTtsError], cure: str) -> Iterator[Path]:
    """As `whole`, in a folder that is made for it.

    Raises:
        GlmTtsError: of `kind`, with `cure`; the disk does not take it.
    """
    with writable(path, kind, cure):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as temporary:
            yield temporary


def write_text(path: Path, text: str, kind: type[GlmTtsError], cure: str) -> None:
    """As `whole_text`, in a folder that is made for it. Raises `kind` as `whole_file` does."""
    with whole_file(path, kind, cure) as temporary:
        temporary.write_text(text, encoding="utf-8")


def half_written(path: Path) -> bool:
    """Whether a file is one that `whole` was filling, as after a kill."""
    return path.name.startswith(".") and f".{PART}" in path.suffixes[-2:]


@contextmanager
def alone(lock: Path, taken: GlmTtsError) -> Iterator[None]:
    """Hold a lock file, beside which no second process works; the system lets go of it when this process dies.

    Raises:
        GlmTtsError: `taken`; another process holds it.
        OSError: it cannot be written.
    """
    held = FileLock(lock, timeout=0)
    try:
        held.acquire()
    except Timeout:
        raise taken from None
    try:
        yield
    finally:
        held.release()


def hidden_prefix(name: str) -> str:
    """How the name of what is being written for `name` begins; cut, as a system takes names of 255 bytes."""
    return f".{name[:40]}."  # 40 characters take at most 160 bytes


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to be filled, which is `target` at the end; where that fails, nothing of it stays.

    A `target` that is there stays the folder that it is, which may be a mounted one; its files are replaced by those of
    their names.

    Raises:
        NotKeptError: it is there, and only its name could not be flushed.
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
            _move_into(folder, target)
            keep(target, target)
        else:
            replace(folder, target)


def _move_into(folder: Path, target: Path) -> None:
    """Move what lies in a folder into another; of folders that are in both, what lies in them."""
    for path in sorted(folder.iterdir(), key=lambda one: one.stat().st_mtime_ns):  # what was last comes last
        place = target / path.name
        if path.is_dir() and place.is_dir():
            _move_into(path, place)
            keep(place, place)
        else:
            path.replace(place)
