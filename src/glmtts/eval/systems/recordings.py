"""Recordings as a system: the reference recordings of a list, or a folder of another system's output."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glmtts.audio.io import read_audio
from glmtts.errors import AudioError, EvaluationError
from glmtts.eval.items import Item
from glmtts.eval.lists import recording_of
from glmtts.eval.systems.base import no_options
from glmtts.eval.systems.output import SystemOutput
from glmtts.places import is_folder


class Recordings:
    """`recordings` takes a list's own reference recordings, `recordings:FOLDER` files named by the lines' ids.

    A line of mini-clone has no reference: there it is another recording of the speaker, who says something else.

    A pattern stands for several folders: `recordings:RUN/*/mini/audio` is what `mini` said in all lists of a run. Its
    one sign is `*`, and a folder that is there is meant as it is named.
    Files are known by their contents: a line whose file changed or was added since an earlier run is done again.
    """

    languages: frozenset[str] | None = None

    def __init__(self, argument: str | None, options: dict[str, str]) -> None:
        no_options("recordings", options)
        self.pattern = Path(argument) if argument else None
        self.is_copy = argument is None
        if argument and not is_folder(Path(argument), EvaluationError):
            _check_pattern(argument)

    def speak(self, items: Sequence[Item]) -> list[SystemOutput]:
        """The recordings; a line without one is missing."""
        return [read_output(path) for path in self.sources(items)]

    def sources(self, items: Sequence[Item]) -> list[Path | None]:
        """The file of each line.

        Raises:
            EvaluationError: two folders of a pattern have a recording of one line.
        """
        folders = _folders(self.pattern) if self.pattern else []
        return [self._path(item, folders) for item in items]

    def about(self) -> dict[str, Any]:
        """Whose they are; the runner knows their files by `sources`."""
        return {"recordings": "the list's references" if self.pattern is None else self.pattern.name}

    def _path(self, item: Item, folders: Sequence[Path]) -> Path | None:
        if self.is_copy:
            return item.reference_audio or item.other_audio
        found = [path for folder in folders if (path := recording_of(folder, item.id)) is not None]
        if len(found) > 1:
            # the ids of two lists may be the same, and the first folder's would be those of another list
            raise EvaluationError(
                f"{found[0].parent} and {found[1].parent} both have a recording of '{item.id}'. Run each list apart, "
                "with its own folder."
            )
        return found[0] if found else None


def _check_pattern(argument: str) -> None:
    """Refuse a name without `*`, of whose folder nothing is there; those of a pattern may come into being in the run.

    Raises:
        EvaluationError: it is one, or has `**` beside other signs, which Python 3.11 and 3.12 do not take.
    """
    if "*" not in argument:
        raise EvaluationError(f"There is no folder {argument}. Give the folder of the recordings.")
    if any("**" in part and part != "**" for part in Path(argument).parts):
        raise EvaluationError(f"{argument} is no pattern of folders: ** stands for whole folders. Write /**/, or *.")


def _folders(pattern: Path) -> list[Path]:
    """The folder of this name, else those of a path in which `*` stands for any names."""
    if is_folder(pattern, EvaluationError):
        return [pattern]
    # Path.glob takes no absolute pattern; `?` and brackets are signs of names here
    root = Path(pattern.anchor)
    return sorted(root.glob(re.sub(r"[\[?]", r"[\g<0>]", str(pattern.relative_to(root)))))


def read_output(path: Path | None) -> SystemOutput:
    """A file as a system's recording; what cannot be read is an error of that line."""
    if path is None:
        return SystemOutput(None, 0, "there is no recording of this line")
    try:
        samples, rate = read_audio(path)
    except AudioError as error:
        return SystemOutput(None, 0, str(error))
    return SystemOutput(samples.numpy(), rate)
