"""Files that survive a power cut: what was reported as written is on the disk, whole."""

import os
from pathlib import Path

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
    sync(target.parent)
