"""One stage alone on a folder: to hear and to read what it does, without a run."""

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from glmtts.data.pipeline.clips import Clip
from glmtts.data.pipeline.config import StandardiseSection
from glmtts.data.pipeline.inputs import Entry, check_apart, list_inputs
from glmtts.data.pipeline.plan import clips_of, drops_of, plan, without_duplicates
from glmtts.data.pipeline.sound import write_sound
from glmtts.data.pipeline.stage import Decision, Result, Stage, decisions, fault_of
from glmtts.data.pipeline.standardise import Standardised, standardise, wav_path
from glmtts.data.pipeline.store import owned, write_through, write_whole
from glmtts.data.pipeline.values import json_of
from glmtts.data.pipeline.work import named, processed
from glmtts.errors import DataError

DECISIONS = "decisions.jsonl"
_CLIP = re.compile(r"[0-9a-f]{16}-\d{10}\.(wav|json)")  # what a try writes, and no other file is likely to be called


def run_alone(stage: Stage, folder: Path, out: Path, rate: int = 24000) -> tuple[float, float]:
    """Put the clips that a stage keeps of a folder's recordings into `out`, with every decision in decisions.jsonl.

    Those of an earlier try are removed. Gives the seconds that were kept and dropped.

    Raises:
        GlmTtsError: the folder cannot be read, the stage cannot work, or `out` cannot be written.
    """
    check_apart(folder, out)
    entries = list_inputs(folder)
    if not entries:
        raise DataError(f"{folder} holds no files. Give the folder of the recordings.")
    sums = {True: 0.0, False: 0.0}

    def write(part: Path) -> None:
        with tempfile.TemporaryDirectory() as work, part.open("wb") as rows:
            for row in _tried(stage, _read(folder, entries, Path(work), rate), Path(work), out, sums):
                rows.write(json_of(row) + b"\n")

    try:
        with owned(out):
            _check_own(out / DECISIONS)
            _remove_earlier(out)
            write_through(out / DECISIONS, write)
    except OSError as error:
        # the work of a try lies in the system's folder for such, which may be another disk
        place, reason = Path(error.filename).parent if error.filename else out, error.strerror or error
        raise DataError(f"{place} cannot be written: {reason}. Free some space or give another folder.") from None
    return sums[True], sums[False]


def _check_own(decisions: Path) -> None:
    """Raises DataError where a file of the name is none that a try has written, and would be lost."""
    if not decisions.exists():
        return
    with decisions.open("rb") as lines:
        first = lines.readline(1 << 20)
    try:
        own = not first or ("path" in (row := json.loads(first)) and ("refused" in row or "span" in row))
    except (ValueError, TypeError, RecursionError):
        own = False
    if not own:
        raise DataError(f"{decisions} is no file of an earlier try, and would be replaced. Give another folder.")


def _remove_earlier(out: Path) -> None:
    (out / DECISIONS).unlink(missing_ok=True)
    for path in out.iterdir():
        if _CLIP.fullmatch(path.name):
            path.unlink()


def _read(folder: Path, entries: Iterable[Entry], work: Path, rate: int) -> Iterator[tuple[int, Standardised]]:
    known: set[str] = set()
    for number, entry in enumerate(entries):
        done = standardise(folder, entry, number, work, rate, StandardiseSection().max_hours)
        yield from without_duplicates([(number, done)], known)


def _tried(
    stage: Stage, given: Iterable[tuple[int, Standardised]], work: Path, out: Path, sums: dict[bool, float]
) -> Iterator[dict[str, object]]:
    """The rows of decisions.jsonl; adds to `sums`, by kept or not, the seconds."""
    for number, done in given:
        path, rate = done.source.path, done.source.sample_rate
        if done.refused:
            yield {"path": path, "refused": done.refused}
        made = drops_of(done)
        # a source at a time, as rows and errors name its path
        for unit in plan([(number, done)], work, StandardiseSection()):
            results = _results(stage, clips_of(unit, work), path)
            made += decisions(stage.name, results)
            for clip in (clip for result in results for clip in result.kept):
                _write(out, clip)
        wav_path(work, number).unlink(missing_ok=True)  # else the system's small disk holds the whole folder
        for one in made:
            sums[one.kept] += one.span.samples / rate
            yield _row(one, path)


def _results(stage: Stage, clips: Sequence[Clip], path: str) -> list[Result]:
    try:
        return processed(clips, stage.name, stage)
    except Exception as error:  # whatever a model throws
        what = fault_of(error)
        raise DataError(f"Stage '{stage.name}' failed on {named(clips)} of {path}: {what}. Mend it.") from error


def _row(one: Decision, path: str) -> dict[str, object]:
    span = {"source": one.span.source, "start": one.span.start, "end": one.span.end}
    return {"path": path, **vars(one), "span": span, "detail": dict(one.detail)}


def _write(out: Path, clip: Clip) -> None:
    write_through(out / f"{clip.id}.wav", lambda part: write_sound(part, clip.wave, clip.sample_rate, "WAV"))
    write_whole(out / f"{clip.id}.json", json_of(dict(clip.labels), indent=1))
