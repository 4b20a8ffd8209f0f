"""Publishing a window: its finished units become shards, its decisions and ledger become tables, in a fixed order.

The window's record is written last and declares it done. A run that is killed before publishes it again: it skips the
utterances of the shards that are there and replaces the tables, so that everything comes once and in the same bytes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glmtts.data.manifest import FILE, FeatureSpec, read_manifest
from glmtts.data.pipeline.clips import Clip, Source
from glmtts.data.pipeline.config import PipelineConfig
from glmtts.data.pipeline.engines.task import work_folder
from glmtts.data.pipeline.inputs import FIELDS
from glmtts.data.pipeline.ledger import Account, Ledger
from glmtts.data.pipeline.plan import STANDARDISE, Unit, drops_of
from glmtts.data.pipeline.samples import SampleStore
from glmtts.data.pipeline.sound import to_int16
from glmtts.data.pipeline.stage import Decision
from glmtts.data.pipeline.standardise import Standardised
from glmtts.data.pipeline.store import load_work, unit_path, write_record, write_through
from glmtts.data.pipeline.tables import DecisionWriter, write_sources
from glmtts.data.pipeline.values import WAVE
from glmtts.data.pipeline.work import Cost, Work
from glmtts.data.shard import Shard, Utterance
from glmtts.data.writer import ShardWriter
from glmtts.errors import DataError

SHARDS, MANIFEST_FOLDER, SOURCES_FOLDER = "shards", "manifest", "sources"


@dataclass(frozen=True)
class Window:
    """Files `first` up to `last` of the listing, standardised, and the units that they make; `shards` lie before it."""

    number: int
    first: int
    last: int
    given: tuple[tuple[int, Standardised], ...]
    units: tuple[Unit, ...]
    shards: int

    @property
    def sources(self) -> dict[str, Source]:
        """The sources that have samples, by id."""
        return {one.source.id: one.source for _, one in self.given if one.source.samples}


def publish(config: PipelineConfig, window: Window) -> dict[str, Any]:
    """Write what a window of finished units gives, and declare it done; gives its record.

    Raises:
        DataError: a ledger does not add up, features do not fit, or files are damaged; the window stays as it was.
    """
    ledger = Ledger(_account(number, one) for number, one in window.given)
    costs = _write_decisions(config, window, ledger)
    # before any shard is written; the tables of a window that does not count are replaced
    ledger.check()
    utterances, shards = _write_shards(config, window)
    folder = config.run.output
    write_through(folder / SOURCES_FOLDER / _name(window.number), lambda part: write_sources(part, ledger.accounts))
    record = {
        "window": window.number,
        "first": window.first,
        "last": window.last,
        "shards": shards,
        "utterances": utterances,
        # duplicates have ids of their own (plan.py), which no later file can have
        "sources": [source for source in window.sources if "~" not in source],
        "samples": sum(one.source.samples for one in ledger.accounts),
        "kept": sum(one.kept for one in ledger.accounts),
        "drops": ledger.drops(),
        "refused": ledger.refused(),
        # of files that were tried; the next run looks whether they can be read (store.py)
        "unread": [[one.number, one.refused] for one in ledger.accounts if one.refused],
        "costs": {label: vars(cost) for label, cost in costs.items()},
    }
    write_record(folder, window.number, record)
    return record


def check_published(folder: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """See that what the windows that are done gave still lies in an output; a run does not make it again.

    Raises:
        DataError: a table or a shard is gone, or the dataset is damaged.
    """
    made = [folder / place / _name(one["window"]) for one in records for place in (MANIFEST_FOLDER, SOURCES_FOLDER)]
    count, shards, fewer = records[-1]["shards"] if records else 0, folder / SHARDS, False
    if count and (shards / FILE).exists():
        entries = read_manifest(shards).shards[:count]
        made += [shards / entry.folder for entry in entries]
        fewer = len(entries) < count
    elif count:
        made.append(shards / FILE)
    gone = next((path for path in made if not path.exists()), None)
    if gone or fewer:
        what = gone or f"A shard of {shards}"
        raise DataError(
            f"{what} is gone, and a run does not make again what it finished. Restore it from a copy, or delete the "
            "output and run again."
        )


def _account(number: int, one: Standardised) -> Account:
    return Account(number, one.source, "" if one.source.samples else one.refused, one.note)


def _name(window: int) -> str:
    return f"{window:06d}.parquet"


def _works(config: PipelineConfig, window: Window) -> Iterator[Work]:
    # read anew on each pass: the units of a window need not fit into memory
    for unit in window.units:
        yield load_work(unit_path(work_folder(config), window.number, unit.number))


def _write_decisions(config: PipelineConfig, window: Window, ledger: Ledger) -> dict[str, Cost]:
    """Write the table of decisions and the samples to hear, and fill the ledger on the way; gives the stages' costs."""
    costs: dict[str, Cost] = {label: Cost() for label in (STANDARDISE, *config.labels)}
    for _, one in window.given:
        costs[STANDARDISE] += Cost(one.source.seconds, one.spent, one.cpu)
    heard = SampleStore(config.run.output, config.report.samples)

    def write(part: Path) -> None:
        with DecisionWriter(part) as table:
            drops = [drop for _, one in window.given for drop in drops_of(one)]
            table.add(_counted(drops, ledger), window.sources)
            for work in _works(config, window):
                table.add([*_counted(work.decisions, ledger), *_kept(work, ledger)], window.sources)
                heard.offer(work.samples)
                for label, cost in work.costs.items():
                    costs[label] += cost

    write_through(config.run.output / MANIFEST_FOLDER / _name(window.number), write)
    heard.write()
    return costs


def _counted(decisions: Iterable[Decision], ledger: Ledger) -> Iterator[Decision]:
    for one in decisions:
        if not one.kept:
            ledger.of(one.span.source).drop(one)
        yield one


def _kept(work: Work, ledger: Ledger) -> Iterator[Decision]:
    """The rows of the clips that reached the shards, with all that is known of them."""
    for clip in work.clips:
        ledger.of(clip.source).keep(clip.spans)
        for span in clip.spans:
            yield Decision(SHARDS, "", True, span, clip.id, clip.labels)


def _write_shards(config: PipelineConfig, window: Window) -> tuple[int, int]:
    """Add the window's utterances to the dataset; gives their number, and that of all shards so far."""
    folder = config.run.output / SHARDS
    there = _published(folder, window.shards)
    count, writer = 0, None
    with ExitStack() as stack:
        for work in _works(config, window):
            # with the first unit, which tells the features
            writer = writer or stack.enter_context(_writer(config, work))
            for clip in sorted(work.clips, key=_speaker):  # a speaker's utterances follow on each other
                if count < len(there):
                    _same(there[count], clip)
                else:
                    _add(writer, config, clip)
                count += 1
    # counted once the writer has closed, which publishes the last shard
    return count, len(read_manifest(folder).shards) if (folder / FILE).exists() else 0


def _writer(config: PipelineConfig, work: Work) -> ShardWriter:
    """The writer of a window's shards, whose features are those of any of its units."""
    run, folder = config.run, config.run.output / SHARDS
    return ShardWriter(folder, _specs(config, work), run.name, run.provenance, config.shards.shard_seconds)


def _add(writer: ShardWriter, config: PipelineConfig, clip: Clip) -> None:
    try:
        writer.add(_utterance(clip), _features(config, clip))
    except DataError as error:  # finished units are not made again, so that mending the stage is not enough
        units = work_folder(config) / "units"
        raise DataError(f"{error} Where a stage made it, mend that, delete {units} and run again.") from None


def _published(folder: Path, before: int) -> list[str]:
    """The ids of the utterances in the shards from number `before` on: those that an earlier try published."""
    if not (folder / FILE).exists():
        return []
    entries = read_manifest(folder).shards[before:]
    return [name for entry in entries for name in _ids(Shard(folder / entry.folder, entry))]


def _ids(shard: Shard) -> list[str]:
    # a function of its own, whose end unmaps the shard: all of them at once are more files than a system opens
    return [shard.utterance(row).id for row in range(len(shard))]


def _same(there: str, clip: Clip) -> None:
    if there != clip.id:
        raise DataError(
            f"The shards hold {there} where {clip.id} belongs: something else wrote to them, or a stage gives other "
            "results each time. Delete the output and run again."
        )


def _specs(config: PipelineConfig, work: Work) -> dict[str, FeatureSpec]:
    wave = {WAVE: FeatureSpec(rate=config.run.sample_rate)} if config.shards.wave else {}
    return {**work.specs, **wave}


def _features(config: PipelineConfig, clip: Clip) -> dict[str, np.ndarray]:
    if not config.shards.wave:
        return dict(clip.features)
    return {**clip.features, WAVE: to_int16(clip.wave)}


def _speaker(clip: Clip) -> str:
    return clip.label("speaker") or clip.source


def _utterance(clip: Clip) -> Utterance:
    extra = {key: value for key, value in clip.labels.items() if key not in FIELDS}
    spans = [[span.start, span.end] for span in clip.spans]
    return Utterance(
        id=clip.id,
        text=clip.label("text"),
        language=clip.label("language"),
        speaker=_speaker(clip),
        seconds=clip.seconds,
        extra={**extra, "source": clip.source, "spans": spans, "sample_rate": clip.sample_rate},
    )
