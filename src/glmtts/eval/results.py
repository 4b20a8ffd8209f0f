"""What a run found, as plain values: tables, every utterance, what made it, and, apart, how long it took."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from glmtts.errors import EvaluationError
from glmtts.eval.columns import Column, ErrorColumn
from glmtts.eval.items import is_plain_name
from glmtts.eval.runner import Row
from glmtts.eval.utterance import Utterance
from glmtts.eval.work import write_text

# What each column, row of a table and utterance has at least.
_COLUMN, _ROW = ("key", "title", "better", "errors"), ("list", "system", "lines", "missing", "cells")
_LINE = ("list", "system", "id", "text", "error", "labels", "values")
_NEEDED = {"protocol", "title", "source", "columns", "tables", "about"}
_KEYS = _NEEDED | {"notes", "extra"}
RESULTS, UTTERANCES, TABLE, TIMES = "results.json", "utterances.jsonl", "utterances.csv", "times.json"


@dataclass(frozen=True)
class Results:
    """A protocol's results. `about` has hardware, versions, commit, lists, systems, recognisers, scorers and stand-ins;
    `notes` are for the reader; `extra` holds what is no table, such as a confusion matrix."""

    protocol: str
    title: str
    source: str
    columns: list[dict[str, Any]]
    tables: list[dict[str, Any]]
    utterances: list[dict[str, Any]]
    times: list[dict[str, Any]]
    about: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def lists(self) -> list[str]:
        """The names of its lists, in their order."""
        return list(dict.fromkeys(row["list"] for row in self.tables))

    def table_of(self, name: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The rows of a list, one a system, and the columns in which one of them has a cell."""
        rows = [row for row in self.tables if row["list"] == name]
        return rows, [column for column in self.columns if any(column["key"] in row["cells"] for row in rows)]

    def save(self, out: Path) -> None:
        """Write `results.json`, `utterances.jsonl`, `utterances.csv` and `times.json`.

        Raises:
            EvaluationError: the disk does not take them.
        """
        plain = {name: value for name, value in asdict(self).items() if name not in ("utterances", "times")}
        write_text(out / RESULTS, json.dumps(plain, ensure_ascii=False, indent=1) + "\n")
        lines = [json.dumps(one, ensure_ascii=False) + "\n" for one in self.utterances]
        write_text(out / UTTERANCES, "".join(lines))
        write_text(out / TABLE, _csv(self.utterances, self.columns))
        # apart: of two runs that are the same in all else, times differ
        write_text(out / TIMES, json.dumps(self.times, indent=1) + "\n")

    @classmethod
    def load(cls, out: Path) -> "Results":
        """Results that were saved in a folder.

        Raises:
            EvaluationError: there are none, or they are damaged.
        """
        try:
            plain = json.loads((out / RESULTS).read_text(encoding="utf-8-sig"))
            lines = (out / UTTERANCES).read_text(encoding="utf-8-sig").split("\n")  # a transcript may hold U+2028
            times = json.loads((out / TIMES).read_text(encoding="utf-8-sig"))
            if not isinstance(plain, dict) or not _NEEDED <= plain.keys() <= _KEYS:
                raise ValueError(f"{RESULTS} does not hold what a run of this version writes")
            results = cls(**plain, utterances=[json.loads(line) for line in lines if line], times=times)
            results._check()
            return results
        except (OSError, ValueError, RecursionError) as error:
            raise EvaluationError(f"{out} has no results that can be read: {error}. Give a run's folder.") from None

    def _check(self) -> None:
        """Raises ValueError where what a report and a comparison look up is not there."""
        for what, rows, needed in (
            ("columns", self.columns, _COLUMN),
            ("tables", self.tables, _ROW),
            ("utterances", self.utterances, _LINE),
            ("times", self.times, ("list", "system")),
        ):
            if not isinstance(rows, list) or not all(isinstance(one, dict) and one.keys() >= {*needed} for one in rows):
                raise ValueError(f"its {what} are damaged")
            # they are parts of the names of pictures
            names = [one[key] for one in rows for key in ("list", "system", "id") if key in one and key in needed]
            if not all(isinstance(name, str) and is_plain_name(name) for name in names):
                raise ValueError(f"its {what} have names that can be no file's")
        if not isinstance(self.about, dict) or not self.about.keys() >= {"lists", "systems"}:
            raise ValueError("it does not say what it was made of")


def results_of(
    protocol: tuple[str, str, str],
    rows: Sequence[Row],
    columns: Sequence[Column],
    about: dict[str, Any],
    out: Path,
    notes: Sequence[str] = (),
    extra: dict[str, Any] | None = None,
) -> Results:
    """Tables and utterances of finished rows; `protocol` is name, title and source. Columns without a cell go."""
    tables = [_table(row, columns) for row in rows if row.utterances]
    used = {key for table in tables for key in table["cells"]}
    kept = [column for column in columns if column.key in used]
    return Results(
        *protocol,
        columns=[
            {"key": c.key, "title": c.title, "better": c.better, "errors": isinstance(c, ErrorColumn)} for c in kept
        ],
        tables=tables,
        utterances=[_utterance(row, one, kept, out) for row in rows for one in row.utterances],
        times=[_times(row) for row in rows if row.utterances],
        about=about | {"lists": _lists(rows), "systems": _systems(rows), "stages": _stages(rows)},
        notes=list(notes),
        extra=extra or {},
    )


def _table(row: Row, columns: Sequence[Column]) -> dict[str, Any]:
    cells = {column.key: cell for column in columns if (cell := column.cell(row.utterances)) is not None}
    missing = sum(one.error is not None for one in row.utterances)
    return {
        "list": row.lines.name,
        "system": row.system.label,
        "lines": len(row.utterances),
        "of": len(row.lines.items),
        "missing": missing,
        "cells": cells,
    }


def _utterance(row: Row, one: Utterance, columns: Sequence[Column], out: Path) -> dict[str, Any]:
    return {
        "list": row.lines.name,
        "system": row.system.label,
        "id": one.item.id,
        "language": one.item.language,
        "text": one.item.text,
        "hypothesis": one.hypothesis,
        "error": one.error,
        "seconds": one.seconds,
        "audio": _relative(one.audio, out),
        "reference": _relative(one.item.reference_audio, out),
        "labels": dict(one.item.labels),
        "values": {column.key: column.value(one) for column in columns},
    }


def _times(row: Row) -> dict[str, Any]:
    timed = [(one.taken, one.seconds) for one in row.utterances if one.taken is not None and one.seconds]
    taken, spoken = (sum(part) for part in zip(*timed, strict=True)) if timed else (0.0, 0.0)
    return {
        "list": row.lines.name,
        "system": row.system.label,
        "seconds_of_speech": round(spoken, 1),
        "seconds_of_work": round(taken, 1),
        "real_time_factor": round(taken / spoken, 4) if spoken else None,
    }


def _lists(rows: Sequence[Row]) -> dict[str, Any]:
    return {row.lines.name: {"lines": len(row.lines.items), "sha256": row.lines.digest} for row in rows}


def _systems(rows: Sequence[Row]) -> dict[str, Any]:
    return {row.system.label: row.about["speech"] for row in rows if "speech" in row.about}


def _stages(rows: Sequence[Row]) -> dict[str, Any]:
    """What listened and judged: recognisers, scorers and fingerprints of their weights, by stage."""
    return {name: about for row in rows for name, about in row.about.items() if name != "speech"}


def _relative(path: Path | None, out: Path) -> str | None:
    if path is None:
        return None
    try:
        return path.relative_to(out).as_posix()
    except ValueError:
        return None  # what lies elsewhere is not named: a report may be given to others


def _csv(utterances: Sequence[dict[str, Any]], columns: Sequence[dict[str, Any]]) -> str:
    buffer, keys = io.StringIO(), [column["key"] for column in columns]
    plain = ["list", "system", "id", "language", "text", "hypothesis", "error", "seconds"]
    writer = csv.writer(buffer)
    writer.writerow([*plain, *keys])
    for one in utterances:
        writer.writerow([*(one[name] for name in plain), *(one["values"][key] for key in keys)])
    return buffer.getvalue()
