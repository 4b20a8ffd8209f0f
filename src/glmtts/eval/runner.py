"""Runs a protocol: every list with every system through the stages; what is finished is kept, whatever stops it."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from glmtts import durable
from glmtts.errors import EvaluationError
from glmtts.eval import systems
from glmtts.eval.foreign import foreign
from glmtts.eval.items import EvalList, Item, digest_of
from glmtts.eval.stages import Recognition, Scoring, Speech, Stage
from glmtts.eval.systems import ReadsFiles, SystemSpec
from glmtts.eval.utterance import Utterance
from glmtts.eval.work import (
    AUDIO,
    Task,
    Workers,
    chunks,
    complete,
    damaged,
    read_records,
    writable,
    write_text,
)

CHUNK = 16  # lines: what mini speaks together in half a gigabyte, and what a kill can lose


@dataclass(frozen=True)
class Row:
    """What a system made of a list; without utterances where it does not speak the list's language."""

    lines: EvalList
    system: SystemSpec
    utterances: list[Utterance]
    about: dict[str, Any]


@dataclass(frozen=True)
class Run:
    """Where and how: `out` is the folder of the run, `chunk` the lines that are done together."""

    out: Path
    workers: Workers
    chunk: int = CHUNK
    restart: bool = False

    def row(self, one: EvalList, spec: SystemSpec, stages: Sequence[Stage]) -> Row:
        """Have a system speak a list, and pass what it said through the stages; no other run may be at work in `out`.

        Raises:
            EvaluationError: an earlier run in this folder was another one, the folder cannot be written, or a backend
                is missing.
        """
        system = systems.load(spec)
        items = [item for item in one.items if system.languages is None or item.language in system.languages]
        utterances = [Utterance(item) for item in items]
        folder = self.out / one.name / spec.label
        identity = _identity(system, spec.label, items, self.chunk)
        everything: list[Stage] = [Speech(spec), *stages]
        about: dict[str, Any] = {}
        with writable(folder):
            self._clear(folder)
        for stage in everything if items else []:
            about[stage.name] = stage.about()
            before = {name: about[name] for name in (one.name for one in before_of(stage, everything))}
            self._stage(folder, stage, before | {stage.name: about[stage.name]}, utterances, identity)
        return Row(one, spec, utterances, about)

    def _clear(self, folder: Path) -> None:
        """Take away what a killed run left half-written; hidden files that no run writes, such as an editor's, stay."""
        if self.restart and folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.rglob(".*"):
            if (durable.half_written(path) or path.suffix == AUDIO) and path.is_file():
                path.unlink()

    def _stage(
        self,
        folder: Path,
        stage: Stage,
        made_from: dict[str, Any],
        utterances: list[Utterance],
        identity: Sequence[str],
    ) -> None:
        place = folder / stage.name
        self._check(place, made_from | {"chunk": self.chunk})
        tasks = [
            Task(
                place / f"{number:04d}.json",
                partial(stage.work, [utterances[at] for at in places]),
                len(places),
                identity[number],
                folder / "audio" if isinstance(stage, Speech) else None,
            )
            for number, places in enumerate(chunks(len(utterances), self.chunk))
        ]
        complete(tasks, self.workers, f"{folder.parent.name} {folder.name} {stage.name}")
        found = {record["id"]: (task, record) for task in tasks for record in read_records(task.record)}
        for utterance in utterances:
            if utterance.item.id in found:
                task, record = found[utterance.item.id]
                try:
                    stage.take(utterance, record)
                except (KeyError, TypeError, AttributeError) as error:  # of another version, or changed by hand
                    raise damaged(task.record, f"its line '{utterance.item.id}' lacks {error}") from None
            if isinstance(stage, Speech) and utterance.error is None:
                utterance.audio = folder / "audio" / (utterance.item.id + AUDIO)

    def _check(self, place: Path, made_from: dict[str, Any]) -> None:
        """Results of another system, recogniser, scorer or size of chunks are never mixed with these."""
        path, text = place / "about.json", json.dumps(made_from, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        if not path.is_file():
            write_text(path, text)
        elif path.read_text(encoding="utf-8") != text:
            raise EvaluationError(
                f"{place} holds results of another system or setting. Give another --out, or --restart."
            )


def _identity(system: systems.System, label: str, items: Sequence[Item], chunk: int) -> list[str]:
    """What tells the lines of each chunk from others: texts, prompts, references, and files that are the output."""
    parts = [[items[at] for at in places] for places in chunks(len(items), chunk)]
    with foreign(f"The system '{label}' does not say which files it reads"):
        return [digest_of(part, system.sources(part) if isinstance(system, ReadsFiles) else ()) for part in parts]


def before_of(stage: Stage, stages: Sequence[Stage]) -> list[Stage]:
    """The stages that a stage's results depend on: scores of sound do not change with the recogniser."""
    before = list(stages[: list(stages).index(stage)])
    if isinstance(stage, Scoring):
        return [one for one in before if isinstance(one, Speech) or (stage.hears and isinstance(one, Recognition))]
    return [one for one in before if not isinstance(one, Scoring)]
