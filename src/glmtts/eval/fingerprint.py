"""Fingerprints of weights: what a name such as whisper:FOLDER stands for today, on any machine and under any path."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from glmtts.bundle import CONFIG_FILE, bundle_digest
from glmtts.errors import EvaluationError
from glmtts.places import anything_at
from glmtts.weights import digest_of


def fingerprints(values: Mapping[str, object]) -> dict[str, str]:
    """The fingerprint of each value that is a path, or FAMILY:PATH; the others, such as names of a hub, have none."""
    found = {key: _place(value) for key, value in values.items() if isinstance(value, str | Path)}
    return {key: fingerprint(path) for key, path in found.items() if path is not None}


def fingerprint(path: Path) -> str:
    """SHA-256 of a file, of a bundle's description, or of the names and contents of a folder's files.

    It depends on neither the path nor times. Hidden files do not count: a clone's .git differs from machine to machine.

    Raises:
        EvaluationError: there is none, or a file cannot be read.
    """
    try:
        if path.is_file():
            return of_file(path)
        if (path / CONFIG_FILE).is_file():
            return bundle_digest(path)
        if not path.is_dir():
            raise EvaluationError(f"There is no {path}. Give a file or folder of weights.")
        names = {one.relative_to(path).as_posix(): one for one in path.rglob("*") if one.is_file()}
        # sorted: file systems list a folder in an order of their own
        lines = [f"{of_file(names[name])} {name}\n" for name in sorted(names) if _counts(name)]
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read: {error.strerror}. Give another, or allow reading it.") from None
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _place(value: str | Path) -> Path | None:
    # the whole first: a path may hold a colon itself
    places = (value, str(value).partition(":")[2])
    return next((Path(place) for place in places if place and anything_at(Path(place))), None)


def _counts(name: str) -> bool:
    return not any(part.startswith(".") or part == "__pycache__" for part in name.split("/"))


def of_file(path: Path) -> str:
    """SHA-256 of a file's contents. Raises OSError where it cannot be read."""
    known = path.stat()
    # size and time are part of the cache's key: a file that was changed is read again
    return _digest(path, known.st_size, known.st_mtime_ns)


@lru_cache(maxsize=1 << 16)
def _digest(path: Path, size: int, changed: int) -> str:
    """A file's SHA-256: a gigabyte takes seconds, and each stage of each row of a run asks for it."""
    return digest_of(path)
