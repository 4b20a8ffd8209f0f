"""Recordings as a system: the reference recordings of a list, or a folder of another system's output."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glmtts.audio.io import read_audio
from glmtts.errors import AudioError, EvaluationError
from glmtts.eval.items import Item
from glmtts.eval.lists import recording_of
from glmtts.eval.systems.base import Spoken, no_options


class Recordings:
    """`recordings` takes a list's own reference recordings, `recordings:FOLDER` files named by the lines' ids."""

    languages: frozenset[str] | None = None

    def __init__(self, argument: str | None, options: dict[str, str]) -> None:
        no_options("recordings", options)
        self.folder = Path(argument) if argument else None
        self.is_copy = self.folder is None
        if self.folder is not None and not self.folder.is_dir():
            raise EvaluationError(f"There is no folder {self.folder}. Give the folder of the recordings.")

    def speak(self, items: Sequence[Item]) -> list[Spoken]:
        """The recordings; a line without one is missing."""
        return [read_spoken(self._path(item)) for item in items]

    def about(self) -> dict[str, Any]:
        """Where they lie."""
        return {"recordings": "the list's references" if self.folder is None else self.folder.name}

    def _path(self, item: Item) -> Path | None:
        return item.reference_audio if self.folder is None else recording_of(self.folder, item.id)


def read_spoken(path: Path | None) -> Spoken:
    """A file as a system's recording; what cannot be read is an error of that line."""
    if path is None:
        return Spoken(None, 0, "there is no recording of this line")
    try:
        samples, rate = read_audio(path)
    except AudioError as error:
        return Spoken(None, 0, str(error))
    return Spoken(samples.numpy(), rate)
