"""Places that a user names: what lies there, or one sentence where the system does not even say that.

`Path.is_file` and its like raise OSError for a name that is too long, and for what lies in a folder that is barred; of
a name that no file can have they say that nothing lies there, and whoever writes it then fails.
"""

import os
import stat
from pathlib import Path

from glmtts.errors import GlmTtsError

EXPORTED_FILE = "onnx.json"  # by which a folder of `glm-tts export-onnx` is known, as a bundle by its bundle.json


def status(path: Path, kind: type[GlmTtsError]) -> os.stat_result | None:
    """What the system says of a path; None where nothing lies there.

    Raises:
        GlmTtsError: of `kind`; the name is too long or none that a file can have, or the way there is barred.
    """
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):  # the second: a part of the way is a file
        return None
    except OSError as error:
        raise kind(f"{path} cannot be used: {error.strerror or error}. Choose another path.") from None
    except ValueError:  # half a surrogate pair, or the character zero
        raise kind(f"{str(path)!r} can be no name of a file. Choose another path.") from None


def is_file(path: Path, kind: type[GlmTtsError]) -> bool:
    """Whether a file lies there. Raises `kind` as `status` does."""
    found = status(path, kind)
    return found is not None and stat.S_ISREG(found.st_mode)


def is_folder(path: Path, kind: type[GlmTtsError]) -> bool:
    """Whether a folder lies there. Raises `kind` as `status` does."""
    found = status(path, kind)
    return found is not None and stat.S_ISDIR(found.st_mode)


def anything_at(path: Path) -> bool:
    """Whether something lies at a path that may as well be another text, of any length and characters."""
    try:
        return status(path, GlmTtsError) is not None
    except GlmTtsError:
        return False


def check_new_folder(folder: Path, kind: type[GlmTtsError], what: str) -> None:
    """See before long work that a folder can be filled; `what` it is for stands in the error.

    Raises:
        GlmTtsError: of `kind`; it holds something or is a file, or as `check_holds_weights` and `status` do.
    """
    check_holds_weights(folder, kind)
    there = status(folder, kind)
    try:
        # an empty folder counts as new: it may be one that was mounted for this
        taken = there is not None and not (stat.S_ISDIR(there.st_mode) and not any(folder.iterdir()))
    except OSError as error:
        raise kind(f"{folder} cannot be used: {error.strerror or error}. Choose another path.") from None
    if taken:
        raise kind(f"{folder} is there already. Choose a new folder for the {what}.")


def check_holds_weights(path: Path, kind: type[GlmTtsError]) -> None:
    """Refuse a name that is not UTF-8 for weights and voices: safetensors writes a file of such a name, and opens none.

    Raises:
        GlmTtsError: of `kind`; it is one.
    """
    if not is_utf8(str(path)):
        raise kind(f"{str(path)!r} is not UTF-8, and weights cannot be read there. Choose another path.")


def is_utf8(text: str) -> bool:
    """Whether UTF-8 can hold a text: of names of files and arguments that it cannot, Python makes half surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def name_for_c(path: Path) -> str | bytes:
    """The name for a library that would encode it strictly: file systems of Unix hold names that are not UTF-8."""
    return str(path) if os.name == "nt" else os.fsencode(path)
