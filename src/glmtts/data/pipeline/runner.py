"""A run: windows of the listing, one after another, from files to shards."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from glmtts.data.pipeline.config import PipelineConfig
from glmtts.data.pipeline.engines import Engine, create_engine
from glmtts.data.pipeline.engines.task import Listed, work_folder
from glmtts.data.pipeline.inputs import Entry, check_folder
from glmtts.data.pipeline.plan import plan, without_duplicates
from glmtts.data.pipeline.publish import Window, check_published, publish
from glmtts.data.pipeline.report import Report, summed, write_report
from glmtts.data.pipeline.standardise import Standardised, wav_path
from glmtts.data.pipeline.store import (
    begin,
    check_manifest,
    known_listing,
    listing,
    owned,
    unit_path,
    unwritable,
)
from glmtts.data.pipeline.windows import window_records
from glmtts.errors import DataError

Progress = Callable[[str, float], None]
AHEAD = 4  # files that each reading process is given at a time


def run_pipeline(
    config: PipelineConfig,
    progress: Progress = lambda *_: None,
    drawn: bool = False,
    windows: int | None = None,
) -> list[dict[str, Any]]:
    """Turn all recordings into shards, or go on where an earlier run stopped; gives the records of all windows.

    `progress` is told ("read" or "done", seconds of sound). `drawn` takes the files in an order that is drawn rather
    than by name, and `windows` ends the run after so many: together they look at a sample.

    Raises:
        GlmTtsError: nothing can be read, a stage cannot work, a ledger does not add up, or the disk is full. What was
            finished is kept, and the same call goes on.
    """
    with _owned(config):
        return _run(config, progress, drawn, windows)


def run_and_report(config: PipelineConfig, progress: Progress = lambda *_: None) -> Report:
    """A whole run and its report, which is written before another run may have the output.

    Raises:
        GlmTtsError: as `run_pipeline`.
    """
    with _owned(config):
        report = summed(config, _run(config, progress))
        write_report(config, report)
    return report


@contextmanager
def _owned(config: PipelineConfig) -> Iterator[None]:
    """Hold the output; what the disk does not take costs one sentence."""
    try:
        with owned(config.run.output):
            yield
    except OSError as error:
        raise unwritable(config.run.output, error) from None


def _run(
    config: PipelineConfig, progress: Progress, drawn: bool = False, windows: int | None = None
) -> list[dict[str, Any]]:
    begin(config)
    check_folder(config.run.input)
    check_manifest(config)
    records = window_records(config.run.output)
    check_published(config.run.output, records)
    with closing(create_engine(config)) as engine:
        # What an earlier run began is finished first, without the files that came since: with them, the units of its
        # last window would hold other pieces than those that are there already.
        for list_files in (known_listing, partial(listing, drawn=drawn)):
            entries = list_files(config)
            while (first := records[-1]["last"] if records else 0) < len(entries) and (
                windows is None or len(records) < windows
            ):
                records.append(_run_window(config, engine, entries, first, records, progress))
    if not entries and config.run.manifest is not None:
        raise DataError(f"{config.run.manifest} names no recordings. Give a JSONL file with a path a line.")
    if not entries:
        raise DataError(f"{config.run.input} holds no files. Give the folder of the recordings as run.input.")
    shutil.rmtree(work_folder(config), ignore_errors=True)
    return records


def _run_window(
    config: PipelineConfig,
    engine: Engine,
    entries: list[Entry],
    first: int,
    records: list[dict[str, Any]],
    progress: Progress,
) -> dict[str, Any]:
    number, work = len(records), work_folder(config)
    # of all windows before, so that a duplicate is found however far away it is
    known = {source for record in records for source in record["sources"]}
    given = without_duplicates(_read_window(config, engine, entries, first, progress), known)
    units = plan(given, work, config.standardise)
    shards = records[-1]["shards"] if records else 0
    window = Window(number, first, first + len(given), tuple(given), tuple(units), shards)
    lengths = [sum(piece.end - piece.start for piece in unit.pieces) / config.run.sample_rate for unit in units]
    # what a killed run finished lies there already
    missing = [unit for unit in units if not unit_path(work, number, unit.number).exists()]
    progress("done", sum(lengths) - sum(lengths[unit.number] for unit in missing))
    for done in engine.process(number, missing):
        progress("done", lengths[done])
    record = publish(config, window)
    _clean(work, window)
    return record


def _read_window(
    config: PipelineConfig, engine: Engine, entries: list[Entry], first: int, progress: Progress
) -> list[tuple[int, Standardised]]:
    """Standardised files from `first` on, up to `window_hours`; those read beyond wait for the next window."""
    given: list[tuple[int, Standardised]] = []
    seconds = 0.0
    for number, one in _read(config, engine, entries, first):
        given.append((number, one))
        progress("read", one.source.seconds)
        seconds += one.source.seconds
        if seconds >= config.engine.window_hours * 3600:
            break
    return given


def _read(
    config: PipelineConfig, engine: Engine, entries: list[Entry], first: int
) -> Iterator[tuple[int, Standardised]]:
    some = AHEAD * config.standardise.workers
    for start in range(first, len(entries), some):
        files = [Listed(number, entries[number]) for number in range(start, min(start + some, len(entries)))]
        yield from zip(range(start, start + len(files)), engine.standardise(files), strict=True)


def _clean(work: Path, window: Window) -> None:
    """Remove what a window that is done no longer needs."""
    shutil.rmtree(unit_path(work, window.number, 0).parent, ignore_errors=True)
    for number, _ in window.given:
        wav_path(work, number).unlink(missing_ok=True)
        wav_path(work, number).with_suffix(".json").unlink(missing_ok=True)
