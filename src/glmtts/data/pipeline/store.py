"""What lies in the output folder, and how it is written: whole or not at all, and on the disk before it counts.

```
out/
  pipeline.json      the configuration that it was begun with
  listing.jsonl      the recordings, in order; a file that comes later is listed at the end
  shards/            the dataset
  manifest/          Parquet: every decision, a file a window
  sources/           Parquet: the ledger, a row a source, a file a window
  windows/           JSON: windows that are done, with their sums
  samples/           what can be heard on the page
  report.json, report.csv, index.html
  work/              standardised sound and finished units of the windows that are not done
```
"""

import errno
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from glmtts import durable
from glmtts.config import parse_json, read_json
from glmtts.data.pipeline.config import OWN, PipelineConfig, fingerprint
from glmtts.data.pipeline.inputs import UNREADABLE, Entry, list_inputs, named_in, to_json
from glmtts.data.pipeline.windows import record_path, window_records
from glmtts.data.pipeline.wire import pack_work, unpack_work
from glmtts.data.pipeline.work import Work
from glmtts.errors import ConfigError, DataError

CONFIG, LISTING, LOCK = "pipeline.json", "listing.jsonl", ".pipeline.lock"
REPORTS = ("report.json", "report.csv", "index.html")
_PART = re.compile(r"\..+\.[a-z0-9_]{8}\.part")  # as `write_through` names what is not whole yet


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Hold an output folder, so that no second run works in it; the system lets go of it when this process dies.

    Raises:
        DataError: another run holds it, or it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    taken = DataError(f"Another run works in {folder}. Wait for its end, or give another output.")
    with durable.alone(folder / LOCK, taken):
        _remove_parts(folder)
        yield


def _remove_parts(folder: Path) -> None:
    """Remove what a killed run was writing: the sound of ten hours takes 3 GB, and is drawn another name each time."""
    for place in (
        folder,
        *(folder / name for name in OWN),
        *(folder / "work").glob("*"),
        *(folder / "work/units").glob("*"),
    ):
        for part in place.glob(".*.part"):
            if _PART.fullmatch(part.name):
                part.unlink(missing_ok=True)


def unwritable(folder: Path, error: OSError) -> DataError:
    """What the disk or the system does not take of an output, as one sentence."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
    cure = "Free some space" if full else "Let this user write there or give another output,"
    return DataError(f"{folder} cannot be written: {error.strerror or error}. {cure} and run again.")


def write_whole(path: Path, data: bytes) -> None:
    """A file that appears whole, and is on the disk when this returns."""
    write_through(path, lambda part: part.write_bytes(data))


def write_through(path: Path, write: Callable[[Path], object]) -> None:
    """A file that `write` makes under another name, which then takes its place.

    The other name is drawn: a cluster may run the same task twice at a time, when it takes a worker for dead.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with durable.filled(durable.new_beside(path, ".part"), path) as part:
        write(part)


def begin(config: PipelineConfig) -> None:
    """Write down what an output is made with, or see that it is the same as before.

    Raises:
        ConfigError: it was begun with other settings or other recordings, and names what differs; its places are not
            those of a run; or what lies in it is no run's.
    """
    config.check_places()
    path, content, source = config.run.output / CONFIG, config.content(), str(config.run.input.resolve())
    if not path.exists():
        _check_empty(config.run.output)
        text = json.dumps({"fingerprint": fingerprint(content), "input": source, **content}, indent=1)
        write_whole(path, text.encode())
        return
    before = read_json(path)
    if not isinstance(before, dict):
        raise ConfigError(f"{path} is not what a run wrote. Delete the output, or give another one.")
    # beside the fingerprint, as files of the same names in another folder are not the ones that were read
    if before.get("input", source) != source:
        raise ConfigError(
            f"{config.run.output} was begun with the recordings in {before['input']}, not {source}. Restore run.input, "
            f'give another output, or, where they were moved, correct "input" in {path}.'
        )
    if before.get("fingerprint") != fingerprint(content):
        # equal settings of another version have another fingerprint
        differ = ", ".join(key for key in content if content[key] != before.get(key)) or "version"
        raise ConfigError(
            f"{config.run.output} was begun with other settings ({differ}). Restore them, or give another output."
        )


def _check_empty(folder: Path) -> None:
    """See that nothing lies where a run has its own files, which it replaces and removes.

    Raises:
        ConfigError: something does, and no run has begun there.
    """
    foreign = [name for name in (*OWN, *REPORTS, LISTING) if (folder / name).is_file() or _holds_files(folder / name)]
    if foreign:
        raise ConfigError(
            f"{folder} is no output of a run and holds '{foreign[0]}', which a run would replace. Give another output."
        )


def _holds_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def listing(config: PipelineConfig, drawn: bool = False) -> list[Entry]:
    """The recordings of the run, in the order in which they were first listed; new ones come last.

    New are also those that were not read, and may be now: they were missing or closed, the system could not read them,
    or they were damaged and have changed since. What was read is not read again.

    `drawn` orders them by a digest of their names, for a sample that is no alphabetical beginning.

    Raises:
        DataError: the input cannot be read.
    """
    path = config.run.output / LISTING
    found = list_inputs(config.run.input, config.run.manifest)
    if drawn:
        found.sort(key=lambda entry: fingerprint(entry.path))
    known = known_listing(config)
    unread = {number: why for record in window_records(config.run.output) for number, why in record.get("unread", ())}
    last = {entry.path: (entry, unread.get(number, "")) for number, entry in enumerate(known)}
    entries = known + [entry for entry in found if entry.path not in last or _is_new(entry, *last[entry.path])]
    if len(entries) > len(known) or not path.exists():
        write_whole(path, "".join(to_json(entry) + "\n" for entry in entries).encode())
    return entries


def check_manifest(config: PipelineConfig) -> None:
    """See that a manifest still says of the recordings what it said when they were listed.

    Raises:
        ConfigError: it says something else of one, or names it no more.
        DataError: it cannot be read.
    """
    if config.run.manifest is None or not (config.run.output / LISTING).exists():
        return
    now = dict(named_in(config.run.manifest))
    then = {entry.path: entry.labels for entry in known_listing(config)}
    changed = [path for path, labels in then.items() if now.get(path) != labels]
    if changed:
        what = "says something else of" if changed[0] in now else "no longer names"
        raise ConfigError(
            f"{config.run.manifest} {what} {changed[0]} than when {config.run.output} was begun. "
            "Restore it, or give another output; recordings may be added."
        )


def _is_new(entry: Entry, before: Entry, unread: str) -> bool:
    """Whether a file that was listed `before` is to be read now; `unread` says why it was not, when it was tried."""
    if entry.refused or not (before.refused or unread):
        return False
    changed = (entry.size, entry.changed) != (before.size, before.changed)
    return bool(before.refused) or changed or unread.startswith(UNREADABLE)


def known_listing(config: PipelineConfig) -> list[Entry]:
    """The recordings as an earlier run listed them; none where there was none.

    Raises:
        DataError: the list is damaged.
    """
    path = config.run.output / LISTING
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf-8") as lines:
            return [_entry(**parse_json(line)) for line in lines]
    except (ValueError, TypeError, RecursionError):
        raise DataError(f"{path} is damaged. Restore it from a copy, or give another output.") from None


def _entry(**values: Any) -> Entry:
    """Raises TypeError where a line of a listing holds something else than an entry's values."""
    entry = Entry(**values)
    kinds = (entry.path, str), (entry.labels, dict), (entry.refused, str), (entry.size, int), (entry.changed, int)
    if not all(isinstance(value, kind) for value, kind in kinds):
        raise TypeError
    return entry


def unit_path(work: Path, window: int, unit: int) -> Path:
    """Where a finished unit lies until its window is done."""
    return work / "units" / f"{window:06d}" / f"{unit:06d}.safetensors"


def save_work(path: Path, work: Work) -> None:
    """Write a finished unit. Raises OSError where the disk does not take it."""
    data = pack_work(work)
    write_whole(path, data)


def load_work(path: Path) -> Work:
    """A finished unit.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        return unpack_work(path.read_bytes())
    except (OSError, DataError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is damaged, or of another version"
        raise DataError(f"{path} cannot be read: {reason}. Delete its folder and run again.") from None


def write_record(folder: Path, window: int, record: dict[str, Any]) -> None:
    """Declare a window done: from now on its sources are not looked at again."""
    write_whole(record_path(folder, window), json.dumps(record, indent=1).encode())
