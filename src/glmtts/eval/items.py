"""What is to be spoken: a line of a benchmark's list, and the list."""

import hashlib
import json
import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from glmtts.errors import EvaluationError
from glmtts.eval.fingerprint import of_file
from glmtts.places import is_utf8

LONGEST_ID = 200  # bytes: systems take names of 255, and what is being written has a longer one


@dataclass(frozen=True)
class Item:
    """A line of a list.

    `language` is "zh" or "en" (CV3-Eval has others). `number` is its place in the list: it seeds the synthesis, and
    takes the system's voices in turn where there is no prompt. `prompt_audio` is the recording to clone, `prompt_text`
    what is said in it, `reference_audio` a person's (or a teacher's) recording of the text, `other_audio` another
    recording of the prompt's speaker, who says something else. `labels` hold what a protocol knows of it beside, such
    as its emotion or its pinyin.
    """

    id: str
    text: str
    language: str
    number: int = 0
    prompt_audio: Path | None = None
    prompt_text: str | None = None
    reference_audio: Path | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    other_audio: Path | None = None

    def __post_init__(self) -> None:
        # the character zero is in no name of a file, and ends of lines in one break what is made of lists of names
        if not self.id or "/" in self.id or "\\" in self.id or self.id.startswith(".") or _controls(self.id):
            raise EvaluationError(f"The line {self.id!r} of a list needs an id that can be a file's name. Rename it.")
        if len(self.id.encode(errors="replace")) > LONGEST_ID:
            raise EvaluationError(
                f"The id '{self.id[:20]}…' of a list is longer than {LONGEST_ID} bytes, too long for a file's name. "
                "Shorten it."
            )
        self._check_characters()
        for path in (getattr(self, name) for name in _PATHS):
            if path is not None and not _can_be_path(path):
                raise EvaluationError(
                    f"The line {self.id!r} of a list names a file by {str(path)!r}, which can be no name of one. "
                    "Correct it."
                )
        # a copy, past the dataclass's own guard: what the caller does to his mapping later must not change the line
        object.__setattr__(self, "labels", dict(self.labels))

    def _check_characters(self) -> None:
        if not is_utf8("".join([self.id, self.text, self.prompt_text or "", *self.labels, *self.labels.values()])):
            raise EvaluationError(
                f"The line {self.id!r} of a list holds half a surrogate pair, which no file can. Take it out."
            )

    def plain(self) -> dict[str, object]:
        """Values for JSON."""
        paths = {name: str(path) for name in _PATHS if (path := getattr(self, name)) is not None}
        rest = {"id": self.id, "text": self.text, "language": self.language, "number": self.number}
        return rest | paths | {"prompt_text": self.prompt_text, "labels": dict(self.labels)}


_PATHS = ("prompt_audio", "reference_audio", "other_audio")


def _can_be_path(path: Path) -> bool:
    """Whether the system takes a name at all: bytes that are no UTF-8 may be in one, the character zero is in none."""
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:  # half a surrogate pair, which stands for no byte
        return False


def is_plain_name(name: str) -> bool:
    """Whether a name of a list or system is a folder's within a run, and leads to no other."""
    return name not in ("", ".", "..") and not set(name) & set("/\\") and not _controls(name)


def _controls(name: str) -> bool:
    return any(unicodedata.category(sign) == "Cc" for sign in name)


@dataclass(frozen=True)
class EvalList:
    """A benchmark's lines under one name; ids are unique.

    Raises:
        EvaluationError: it is empty, an id stands twice, or its name can be no folder's.
    """

    name: str
    items: tuple[Item, ...]

    def __post_init__(self) -> None:
        if not is_plain_name(self.name):
            raise EvaluationError(f"A list has the name {self.name!r}, which can be no folder's. Choose another.")
        ids = [item.id for item in self.items]
        if not ids:
            raise EvaluationError(f"The list '{self.name}' has no lines. Give one that has.")
        if len(set(ids)) < len(ids):
            twice = next(one for one in ids if ids.count(one) > 1)
            raise EvaluationError(f"The id '{twice}' stands twice in the list '{self.name}'. Give each line its own.")

    @property
    def languages(self) -> frozenset[str]:
        """Languages of its lines."""
        return frozenset(item.language for item in self.items)

    @property
    def digest(self) -> str:
        """SHA-256 of its lines and of the files that they name, wherever these lie."""
        return digest_of(self.items)

    def first(self, most: int | None) -> "EvalList":
        """The first lines."""
        return self if most is None else EvalList(self.name, self.items[:most])


def digest_of(items: Sequence[Item], files: Sequence[Path | None] = ()) -> str:
    """SHA-256 of lines, of the files that they name, wherever these lie, and of further `files`."""
    lines: list[object] = [_with_contents(item.plain()) for item in items]
    lines += [None if path is None else _file(path) for path in files]
    text = json.dumps(lines, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()  # names of files need not be UTF-8


def _with_contents(values: dict[str, object]) -> dict[str, object]:
    return {name: _file(Path(str(value))) if name in _PATHS else value for name, value in values.items()}


def _file(path: Path) -> list[str]:
    """The name of a file, and the hash of what is in it; a list may be spoken before its recordings are there."""
    try:
        return [path.name, of_file(path)]
    except OSError:
        return [path.name, ""]
