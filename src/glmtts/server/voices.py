"""Added voices on disk: one folder a voice, which appears whole and disappears whole.

A voice is written into a hidden folder beside its final place and renamed there when everything is on the disk. A
process that is killed leaves at most a hidden folder, which the next start removes; several processes may share the
folder, since each looks at the disk whenever it is asked.
"""

import re
import shutil
import tempfile
import time
import unicodedata
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pydantic import NonNegativeInt, ValidationError
from safetensors import SafetensorError

from glmtts import durable
from glmtts.config import StrictConfig
from glmtts.errors import ConfigError, GlmTtsError, VoiceError
from glmtts.server.engine import ServedVoice
from glmtts.synthesis.suffixes import TRAINED_SUFFIX

_NAME = re.compile(r"[\w-]{1,48}")
_VOICE, _TRAINED, _RECORD = "voice.safetensors", f"voice{TRAINED_SUFFIX}", "record.json"
_FILES = (_TRAINED, _VOICE)
_ADDING, _DELETING = ".adding-", ".deleting-"  # beginnings of the names of hidden folders
ABANDONED_SECONDS = 600  # a choice: a voice is written in seconds


class StorageError(GlmTtsError):
    """The disk does not take a voice, or does not let one go."""


class VoiceRecord(StrictConfig):
    """What is kept beside a voice: who agreed is the operator's business, that somebody did is ours."""

    description: str
    consent: str
    created: NonNegativeInt


def valid_name(name: str) -> str:
    """A name that is safe as a folder and unique in its spelling.

    Raises:
        VoiceError: it is not one.
    """
    name = unicodedata.normalize("NFC", name)
    if not _NAME.fullmatch(name):
        raise VoiceError("A voice's name has 1 to 48 letters, digits, - or _. Choose another name.")
    return name


class VoiceStore:
    """The voices below one folder, which is made where it is missing.

    Raises:
        ConfigError: it is no folder, or cannot be made or read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # one that may be entered, but not listed, is told now, not at the first request
            next(folder.iterdir(), None)
        except OSError as error:
            raise ConfigError(
                f"Voices cannot be kept in {folder}: {error.strerror or error}. Give another folder with --voices."
            ) from None
        self._sweep()

    def _sweep(self) -> None:
        """Remove what killed processes left; what is young may belong to a process that still lives."""
        oldest = time.time() - ABANDONED_SECONDS
        # ours alone: whoever keeps voices in a folder of theirs has other hidden ones there, such as .git
        ours = [path for start in (_ADDING, _DELETING) for path in self._folder.glob(f"{start}*")]
        for path in ours:
            with suppress(FileNotFoundError):  # another process may sweep too, or finish its work
                if path.is_dir() and path.stat().st_mtime < oldest:
                    shutil.rmtree(path, ignore_errors=True)

    def records(self) -> dict[str, VoiceRecord]:
        """Every voice by name, in alphabetical order."""
        found = {}
        for path in sorted(self._folder.iterdir()):
            record = _read_record(path) if _is_valid(path.name) else None
            if record is not None:
                found[path.name] = record
        return found

    def holds(self, name: str) -> bool:
        """Whether there is such a voice."""
        try:
            return _read_record(self._folder / valid_name(name)) is not None
        except VoiceError:
            return False

    def path(self, name: str) -> Path:
        """The file of a voice by its name: a trained one's, or a cloned one's, which may be missing.

        Raises:
            VoiceError: the name is not valid.
        """
        folder = self._folder / valid_name(name)
        return next((path for file in _FILES if (path := folder / file).is_file()), folder / _FILES[-1])

    def add(self, name: str, voice: ServedVoice, record: VoiceRecord) -> None:
        """Keep a voice.

        Raises:
            VoiceError: the name is not valid, or taken.
            StorageError: the disk does not take it.
        """
        self._add(name, _VOICE, voice.save, record)

    def add_trained(self, name: str, contents: bytes, record: VoiceRecord) -> None:
        """Keep a trained voice, the contents of its file. Raises as `add` does."""
        self._add(name, _TRAINED, lambda path: path.write_bytes(contents), record)

    def _add(self, name: str, file: str, write: Callable[[Path], object], record: VoiceRecord) -> None:
        target, temporary, placed = self._folder / valid_name(name), None, False
        try:
            # below the same folder: nothing is renamed from one file system to another
            temporary = Path(tempfile.mkdtemp(prefix=_ADDING, dir=self._folder))
            write(temporary / file)
            (temporary / _RECORD).write_text(record.model_dump_json(), encoding="utf-8")
            for path in (temporary / file, temporary / _RECORD, temporary):
                durable.sync(path)
            # fails where the name was taken meanwhile, as that folder is not empty: no lock between processes is needed
            temporary.rename(target)
            placed = True
            durable.sync(self._folder)
        except (OSError, SafetensorError, VoiceError) as error:  # safetensors has an error of its own for a full disk
            if placed:
                raise StorageError(
                    f"The voice '{name}' is there and can be used, but the server's disk does not say that it keeps it "
                    f"({_reason(error)}): a power cut may lose it. Its operator must look there."
                ) from None
            if _is_ours(target):
                raise VoiceError(f"There is a voice '{name}' already. Choose another name or delete it.") from None
            if target.exists():
                raise VoiceError(f"The server keeps something else under '{name}'. Choose another name.") from None
            raise StorageError(
                f"The server's disk does not take the voice: {_reason(error)}. Its operator must look there."
            ) from None
        finally:
            if temporary is not None:
                shutil.rmtree(temporary, ignore_errors=True)

    def delete(self, name: str) -> None:
        """Forget a voice.

        Raises:
            VoiceError: there is none.
            StorageError: the disk does not let it go.
        """
        folder = self._folder / valid_name(name)
        trash = self._folder / f"{_DELETING}{uuid.uuid4().hex}"  # a new folder for it would need space, as may be short
        gone = False
        try:
            if not _is_ours(folder):
                raise FileNotFoundError
            folder.rename(trash)
            gone = True
            durable.sync(self._folder)  # a voice that was deleted must not come back
        except FileNotFoundError:
            raise VoiceError(f"There is no voice '{name}' to delete.") from None
        except OSError as error:
            if gone:
                raise StorageError(
                    f"The voice '{name}' is deleted, but the server's disk does not say that it keeps to that "
                    f"({_reason(error)}): after a power cut it may be back. Its operator must look there."
                ) from None
            raise StorageError(
                f"The server's disk does not let the voice go: {_reason(error)}. Its operator must look there."
            ) from None
        finally:
            shutil.rmtree(trash, ignore_errors=True)


def _is_valid(name: str) -> bool:
    """Whether a folder of this name can be asked for as a voice."""
    try:
        return valid_name(name) == name
    except VoiceError:
        return False


def _is_ours(folder: Path) -> bool:
    """Whether a folder is a voice, or what is left of one: whatever else lies in the place of voices is let alone."""
    return any((folder / file).is_file() for file in (_RECORD, *_FILES))


def _reason(error: Exception) -> str:
    """What the system says of a failure, without the place where it was."""
    return getattr(error, "strerror", None) or "it does not say why"


def _read_record(folder: Path) -> VoiceRecord | None:
    """The record of a whole voice, None where the folder is no voice."""
    try:
        text = (folder / _RECORD).read_bytes()  # pydantic decodes it: what is no UTF-8 is no record, and no error
        whole = any((folder / file).is_file() for file in _FILES)
        return VoiceRecord.model_validate_json(text) if whole else None
    except (OSError, ValidationError):
        return None
