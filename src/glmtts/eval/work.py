"""Work in chunks that survives a kill: a finished chunk is one file, and what has no file is done again.

A chunk is the same lines in every run, whatever was finished before: lines that are spoken together share rounding, and
another company could change a sampled token.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from tqdm import tqdm

from glmtts import durable
from glmtts.audio.io import write_audio
from glmtts.errors import EvaluationError

Record = dict[str, Any]
AUDIO = ".flac"  # ends the name of a recording of a run
CURE = "Free some space, or give another --out."
LOCK = ".lock"  # of the folder of a run


@dataclass(frozen=True)
class Wave:
    """Samples (T,) float32 to be written as audio, and whether a machine spoke them."""

    samples: np.ndarray
    rate: int
    synthetic: bool


@dataclass(frozen=True)
class Done:
    """What work on a chunk gives: a record for each line, and audio by file name, None where there is none (now)."""

    records: list[Record]
    waves: dict[str, Wave | None] = field(default_factory=dict)


Work = Callable[[], Done]


@dataclass(frozen=True)
class Task:
    """A chunk of one stage. `prepare` reads what the work needs, just before it is handed out.

    `record` is the chunk's file, `of` a digest of its lines, `waves` the folder of its audio.
    """

    record: Path
    prepare: Callable[[], Work]
    lines: int
    of: str
    waves: Path | None = None

    @property
    def finished(self) -> bool:
        """Whether its file is there and is of these lines: a list that grew changes its last chunk."""
        return self.record.is_file() and _read(self.record)["of"] == self.of


class Workers(Protocol):
    """Who does the work; results come in any order."""

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Done]]:
        """Do all of it."""
        ...


def complete(tasks: Sequence[Task], workers: Workers, what: str) -> None:
    """Do every task that is not finished, and write its audio, then its record.

    Raises:
        EvaluationError: a disk does not take it.
    """
    open_ = [task for task in tasks if not task.finished]
    total = sum(task.lines for task in tasks)
    # disable=None: no bar where the output goes into a file
    with tqdm(total=total, initial=total - sum(t.lines for t in open_), desc=what, unit="line", disable=None) as bar:
        for task, done in workers.run(open_) if open_ else ():
            _write(task, done)
            bar.update(task.lines)


def read_records(path: Path) -> list[Record]:
    """The records of a finished chunk.

    Raises:
        EvaluationError: the file is no chunk.
    """
    return list(_read(path)["records"])


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        right = isinstance(values, dict) and values.keys() == {"of", "records"} and isinstance(values["records"], list)
        if right and all(isinstance(record, dict) and "id" in record for record in values["records"]):
            return dict(values)
        error: Exception | str = "it has no records"
    except (OSError, ValueError, RecursionError) as problem:
        error = problem
    raise damaged(path, error)


def damaged(path: Path, why: object) -> EvaluationError:
    """What to say of a file of a chunk that cannot be used."""
    return EvaluationError(f"{path} is damaged: {why}. Delete it, and the same command does it again.")


def write_text(path: Path, text: str) -> None:
    """Write a file that appears whole or not at all. Raises EvaluationError where the disk does not take it."""
    durable.write_text(path, text, EvaluationError, CURE)


def whole_file(path: Path) -> AbstractContextManager[Path]:
    """A file to be written that then takes its place (`durable.whole_file`), with an EvaluationError."""
    return durable.whole_file(path, EvaluationError, CURE)


def writable(path: Path) -> AbstractContextManager[None]:
    """Tell in a sentence that `path` cannot be written: an EvaluationError of what fails within."""
    return durable.writable(path, EvaluationError, CURE)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Make a run's folder and keep other runs out of it; the system lets go of it when this process dies.

    Raises:
        EvaluationError: another one holds it, or it cannot be written.
    """
    taken = EvaluationError(f"Another run is at work in {folder}. Wait for it, or give another --out.")
    with ExitStack() as held:
        with writable(folder):
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(durable.alone(folder / LOCK, taken))
        yield


def chunks(count: int, size: int) -> list[range]:
    """Places of a list in chunks of at most `size`."""
    return [range(start, min(start + size, count)) for start in range(0, count, size)]


def _write(task: Task, done: Done) -> None:
    for name, wave in done.waves.items():
        if task.waves is None:
            raise EvaluationError(f"A stage without a folder for audio gave {name}.")
        with writable(task.waves):
            task.waves.mkdir(parents=True, exist_ok=True)
            if wave is None:
                # of an earlier run, whose file was another
                (task.waves / name).unlink(missing_ok=True)
                continue
        write_audio(task.waves / name, torch.from_numpy(wave.samples), wave.rate, None if wave.synthetic else {})
    # the record last: one whose audio is missing would count as finished
    write_text(task.record, json.dumps({"of": task.of, "records": done.records}, ensure_ascii=False, indent=1) + "\n")
