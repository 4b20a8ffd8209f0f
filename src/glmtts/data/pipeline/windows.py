"""Records of the windows that are done, as `publish` writes them."""

from pathlib import Path
from typing import Any

from glmtts.config import read_json
from glmtts.errors import DataError

LARGEST = 1 << 28  # bytes: a record names every source of its window, more than the usual 8 MiB may hold
COUNTS = ("window", "first", "last", "shards", "utterances", "samples", "kept")
COST = {"sound", "time", "cpu"}


def record_path(folder: Path, window: int) -> Path:
    """Where the record of a window lies in an output."""
    return folder / "windows" / f"{window:06d}.json"


def window_records(folder: Path) -> list[dict[str, Any]]:
    """The sums of all windows that are done, in order.

    Raises:
        ConfigError, DataError: one is damaged.
    """
    records: list[dict[str, Any]] = []
    while (path := record_path(folder, len(records))).exists():
        record, first = read_json(path, LARGEST), records[-1]["last"] if records else 0
        if not _is_whole(record) or (record["window"], record["first"]) != (len(records), first):
            raise DataError(f"{path} is damaged. Restore it from a copy, or give another output.")
        records.append(record)
    return records


def _is_whole(record: Any) -> bool:
    """Whether a record has all that a run and its report look up."""
    try:
        costs = record["costs"].values()
        return (
            all(type(record[key]) is int for key in COUNTS)
            and 0 <= record["first"] <= record["last"]
            and all(isinstance(source, str) for source in record["sources"])
            and all(type(n) is int for reasons in record["drops"].values() for n in reasons.values())
            and all(type(n) is int for n in record["refused"].values())
            and all(type(number) is int and isinstance(why, str) for number, why in record.get("unread", ()))
            and all(cost.keys() == COST and all(type(n) in (int, float) for n in cost.values()) for cost in costs)
        )
    except (KeyError, TypeError, AttributeError, ValueError):
        return False
