"""The Parquet tables: every decision, and the ledger with a row a source."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from glmtts.backends import reason_of
from glmtts.data.pipeline.clips import Source
from glmtts.data.pipeline.ledger import Account
from glmtts.data.pipeline.stage import Decision
from glmtts.errors import DataError

DECISIONS = pa.schema(
    [
        ("source", pa.string()),
        ("path", pa.string()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("sample_rate", pa.int32()),
        ("start_seconds", pa.float64()),
        ("end_seconds", pa.float64()),
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("kept", pa.bool_()),
        ("clip", pa.string()),
        ("detail", pa.string()),
    ]
)
SOURCES = pa.schema(
    [
        ("number", pa.int64()),
        ("source", pa.string()),
        ("path", pa.string()),
        ("codec", pa.string()),
        ("native_rate", pa.int32()),
        ("channels", pa.int32()),
        ("sample_rate", pa.int32()),
        ("samples", pa.int64()),
        ("kept", pa.int64()),
        ("dropped", pa.int64()),
        ("drops", pa.string()),
        ("refused", pa.string()),
        ("note", pa.string()),
    ]
)


class DecisionWriter:
    """Writes decisions a unit at a time, so that a window of any size needs the memory of one unit."""

    def __init__(self, path: Path) -> None:
        # opened here, as Arrow takes no name that is not UTF-8
        self._file = path.open("wb")
        self._writer = pq.ParquetWriter(self._file, DECISIONS, compression="zstd")

    def add(self, decisions: Iterable[Decision], sources: Mapping[str, Source]) -> None:
        """Append rows."""
        rows = [_decision(one, sources[one.span.source]) for one in decisions]
        # with the schema, as no rows would make columns without a type
        self._writer.write_table(pa.Table.from_pylist(rows, schema=DECISIONS))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._file:
            self._writer.close()


def _decision(one: Decision, source: Source) -> dict[str, Any]:
    return {
        "source": source.id,
        "path": source.path,
        "start": one.span.start,
        "end": one.span.end,
        "sample_rate": source.sample_rate,
        "start_seconds": one.span.start / source.sample_rate,
        "end_seconds": one.span.end / source.sample_rate,
        "stage": one.stage,
        "reason": one.reason,
        "kept": one.kept,
        "clip": one.clip,
        # sorted, so that a run ends in the same bytes
        "detail": json.dumps(dict(one.detail), ensure_ascii=False, sort_keys=True) if one.detail else "",
    }


def write_sources(path: Path, accounts: Sequence[Account]) -> None:
    """Write the ledger of a window."""
    table = pa.Table.from_pylist([_source(one) for one in accounts], schema=SOURCES)
    with path.open("wb") as file:
        pq.write_table(table, file, compression="zstd")


def _source(one: Account) -> dict[str, Any]:
    source = one.source
    drops = {f"{stage}: {reason}": samples for (stage, reason), samples in sorted(one.dropped.items())}
    return {
        "number": one.number,
        "source": source.id,
        "path": source.path,
        "codec": source.codec,
        "native_rate": source.native_rate,
        "channels": source.channels,
        "sample_rate": source.sample_rate,
        "samples": source.samples,
        "kept": one.kept,
        "dropped": sum(one.dropped.values()),
        "drops": json.dumps(drops, ensure_ascii=False),
        "refused": one.refused,
        "note": one.note,
    }


def read_rows(path: Path, schema: pa.Schema | None = None) -> list[dict[str, Any]]:
    """The rows of a table.

    Raises:
        DataError: the file is damaged, or has other columns than those of `schema`.
    """
    try:
        with path.open("rb") as file:
            table = pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        reason = getattr(error, "strerror", None) or reason_of(error)
        raise DataError(f"{path} cannot be read: {reason}. Restore it from a copy, or give another output.") from None
    if schema is not None and not table.schema.equals(schema):
        raise DataError(f"{path} has other columns than a run writes. Restore it from a copy, or give another output.")
    return table.to_pylist()
