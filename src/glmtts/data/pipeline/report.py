"""What a run came to: hours kept and dropped by stage and reason, throughput by stage, and a row a source."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glmtts.data.pipeline.config import PipelineConfig
from glmtts.data.pipeline.ledger import added
from glmtts.data.pipeline.plan import STANDARDISE
from glmtts.data.pipeline.store import write_through, write_whole
from glmtts.data.pipeline.work import Cost

BAR = 40  # characters of the longest bar


@dataclass(frozen=True)
class Report:
    """Sums of a run; lengths in seconds. `drops` is by stage and reason, `refused` counts files by reason.

    `costs` are, by stage, the seconds of sound that came to it and what one worker took for them.
    """

    sources: int
    seconds: float
    kept: float
    utterances: int
    drops: Mapping[str, Mapping[str, float]]
    refused: Mapping[str, int]
    costs: Mapping[str, Cost]
    workers: Mapping[str, int]

    @property
    def dropped(self) -> float:
        """All that was dropped."""
        return sum(seconds for reasons in self.drops.values() for seconds in reasons.values())

    def throughput(self) -> dict[str, float]:
        """Hours of sound that each stage takes in an hour, with all its workers."""
        return {
            label: cost.sound / cost.time * self.workers[label] for label, cost in self.costs.items() if cost.time > 0
        }

    def throughput_of_cpu(self) -> dict[str, float]:
        """Hours of sound that each stage takes in an hour of a CPU; of stages elsewhere, only the sending counts."""
        return {label: cost.sound / cost.cpu for label, cost in self.costs.items() if cost.cpu > 0}

    def bottleneck(self) -> str | None:
        """The stage that takes the most time of a worker for all that was given, or None where none takes any."""
        loads = {label: cost.time / self.workers[label] for label, cost in self.costs.items() if cost.time > 0}
        return max(loads, key=lambda label: loads[label]) if loads else None


def summed(config: PipelineConfig, records: Sequence[Mapping[str, Any]]) -> Report:
    """The report of a run from its windows' records."""
    rate = config.run.sample_rate
    drops = added(record["drops"] for record in records)
    costs = {label: Cost() for label in (STANDARDISE, *config.labels)}
    refused: dict[str, int] = {}
    for record in records:
        for label in costs.keys() & record["costs"].keys():
            costs[label] += Cost(**record["costs"][label])
        for reason, count in record["refused"].items():
            refused[reason] = refused.get(reason, 0) + count
    return Report(
        sources=sum(record["last"] - record["first"] for record in records),
        seconds=sum(record["samples"] for record in records) / rate,
        kept=sum(record["kept"] for record in records) / rate,
        utterances=sum(record["utterances"] for record in records),
        drops={stage: {reason: n / rate for reason, n in reasons.items()} for stage, reasons in drops.items()},
        refused=refused,
        costs=costs,
        workers=_workers(config),
    )


def _workers(config: PipelineConfig) -> dict[str, int]:
    local = config.engine.kind == "local"
    stages = zip(config.labels, config.stage, strict=True)
    # each process of the local engine has all stages
    counts = {label: config.engine.workers if local else section.workers for label, section in stages}
    return {STANDARDISE: config.standardise.workers, **counts}


def histogram(report: Report) -> list[tuple[str, str, float]]:
    """(stage, reason, seconds), stages in their order, the largest reason first."""
    order = {label: place for place, label in enumerate(report.costs)}
    rows = [(stage, reason, seconds) for stage, reasons in report.drops.items() for reason, seconds in reasons.items()]
    return sorted(rows, key=lambda row: (order.get(row[0], -1), -row[2], row[1]))


def as_text(report: Report) -> str:
    """The report for a terminal."""
    share = report.kept / report.seconds if report.seconds else 0.0
    lines = [
        f"{report.sources:,} files, {hours(report.seconds)} of sound; kept {hours(report.kept)} ({share:.1%}) "
        f"in {report.utterances:,} utterances, dropped {hours(report.dropped)}"
    ]
    lines += [f"not read: {count:,} × {reason}" for reason, count in sorted(report.refused.items())]
    rows = histogram(report)
    most = max((seconds for _, _, seconds in rows), default=1.0)
    width = max((len(f"{stage}: {reason}") for stage, reason, _ in rows), default=0)
    lines += [
        f"  {f'{stage}: {reason}':<{width}} {seconds:12.1f} s  {'█' * round(BAR * seconds / most)}"
        for stage, reason, seconds in rows
    ]
    of_cpu = report.throughput_of_cpu()
    lines += [
        f"  {label}: {speed:,.1f} hours an hour, {of_cpu.get(label, 0):,.1f} an hour of a CPU"
        for label, speed in report.throughput().items()
    ]
    if (slowest := report.bottleneck()) is not None:
        lines.append(f"the bottleneck is {slowest}")
    return "\n".join(lines)


def hours(seconds: float) -> str:
    """A length for people."""
    return f"{seconds / 3600:.2f} h" if seconds >= 360 else f"{seconds:.1f} s"


def write_report(config: PipelineConfig, report: Report) -> None:
    """Write report.json, report.csv (a row a source) and the page."""
    from glmtts.data.pipeline.page import write_page

    output = config.run.output
    values = {
        "files": report.sources,
        "seconds": report.seconds,
        "kept_seconds": report.kept,
        "dropped_seconds": report.dropped,
        "utterances": report.utterances,
        "drops_seconds": report.drops,
        "files_not_read": report.refused,
        "hours_an_hour": report.throughput(),
        "hours_a_cpu_hour": report.throughput_of_cpu(),
        "bottleneck": report.bottleneck(),
    }
    write_whole(output / "report.json", json.dumps(values, indent=1, ensure_ascii=False).encode())
    write_through(output / "report.csv", lambda part: _write_csv(part, source_rows(output)))
    write_page(output, report)


def source_rows(output: Path) -> Iterable[dict[str, Any]]:
    """The ledger's rows, a window's table in memory at a time."""
    from glmtts.data.pipeline.tables import SOURCES, read_rows

    for path in sorted((output / "sources").glob("*.parquet")):
        yield from read_rows(path, SOURCES)


def _write_csv(part: Path, rows: Iterable[dict[str, Any]]) -> None:
    with part.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "seconds", "kept_seconds", "dropped_seconds", "drops", "not_read", "note"])
        for row in rows:
            rate = row["sample_rate"]
            drops = "; ".join(f"{why} {n / rate:.3f} s" for why, n in json.loads(row["drops"]).items())
            lengths = [f"{row[key] / rate:.3f}" for key in ("samples", "kept", "dropped")]
            table.writerow([_safe(row["path"]), *lengths, drops, row["refused"], row["note"]])


def _safe(text: str) -> str:
    """A name that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text
