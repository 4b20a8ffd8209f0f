"""The page of a run: sums, the histogram of drops with samples to hear, and the sources that lost most."""

import heapq
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from glmtts.data.pipeline.report import Report, histogram, hours, source_rows
from glmtts.data.pipeline.samples import FOLDER, read_index
from glmtts.data.pipeline.store import write_whole

NUMBERS = {"seconds", "share", "kept", "sound", "workers", "hours an hour", "an hour of a CPU"}
SOURCES = 100  # on the page; report.csv has all

STYLE = """
:root { color-scheme: light dark; --line: #8884; --kept: #2a7; --dropped: #c63; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 2rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.bar { display: block; height: .7rem; background: var(--dropped); min-width: 1px; }
.bar.kept { background: var(--kept); }
audio { height: 2rem; max-width: 100%; display: block; margin: .2rem 0; }
figure { display: inline-block; width: 18rem; margin: 0 1rem 1rem 0; vertical-align: top; }
figcaption { font-size: .85rem; overflow-wrap: anywhere; }
"""


def write_page(output: Path, report: Report) -> None:
    """Write index.html, which needs no network and no server."""
    parts = [_sums(report), _drops(report, read_index(output)), _stages(report), _sources(output)]
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Data pipeline</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><h1>Data pipeline</h1>{''.join(parts)}</body></html>\n"
    )
    write_whole(output / "index.html", page.encode())


def _sums(report: Report) -> str:
    rows = [
        ("files", f"{report.sources:,}"),
        ("sound", hours(report.seconds)),
        ("kept", f"{hours(report.kept)} in {report.utterances:,} utterances"),
        ("dropped", hours(report.dropped)),
        *((f"not read: {reason}", f"{count:,} files") for reason, count in sorted(report.refused.items())),
    ]
    return _table([], [f"<td>{escape(name)}</td><td class=n>{escape(value)}</td>" for name, value in rows])


def _drops(report: Report, samples: Sequence[dict[str, Any]]) -> str:
    total = report.seconds or 1.0
    rows = [("kept", "", report.kept, "bar kept")]
    rows += [(stage, reason, seconds, "bar") for stage, reason, seconds in histogram(report)]
    cells = [
        f"<td>{escape(stage)}</td><td>{escape(reason)}</td><td class=n>{seconds:,.1f} s</td>"
        f"<td class=n>{seconds / total:.1%}</td>"
        f'<td style="width:30%"><span class="{kind}" style="width:{100 * seconds / total:.2f}%"></span></td>'
        for stage, reason, seconds, kind in rows
    ]
    table = _table(["stage", "reason", "seconds", "share", ""], cells)
    heard = "".join(
        f"<h3>{escape(f'{stage}: {reason}' if stage != 'kept' else 'kept')}</h3>{figures}"
        for stage, reason, _, _ in rows
        # samples of what was kept name no stage
        if (figures := _figures(samples, "" if stage == "kept" else stage, reason))
    )
    return f"<h2>Kept and dropped</h2>{table}<h2>To hear</h2>{heard or '<p>No samples.</p>'}"


def _figures(samples: Sequence[dict[str, Any]], stage: str, reason: str) -> str:
    return "".join(
        f'<figure><audio controls preload="none" aria-label="{escape(row["clip"], quote=True)}" '
        f'src="{FOLDER}/{escape(row["file"], quote=True)}"></audio>'
        f"<figcaption>{escape(row['text'])} <small>{escape(row['clip'])}, {row['seconds']} s</small></figcaption>"
        "</figure>"
        for row in samples
        if (row["stage"], row["reason"]) == (stage, reason)
    )


def _stages(report: Report) -> str:
    slowest, speeds, of_cpu = report.bottleneck(), report.throughput(), report.throughput_of_cpu()
    cells = [
        f"<td>{escape(label)}</td><td class=n>{hours(report.costs[label].sound)}</td>"
        f"<td class=n>{report.workers[label]}</td><td class=n>{speed:,.1f}</td>"
        f"<td class=n>{of_cpu.get(label, 0):,.1f}</td>"
        f"<td>{'bottleneck' if label == slowest else ''}</td>"
        for label, speed in speeds.items()
    ]
    return f"<h2>Throughput</h2>{_table(['stage', 'sound', 'workers', 'hours an hour', 'an hour of a CPU', ''], cells)}"


def _sources(output: Path) -> str:
    def loss(row: dict[str, Any]) -> tuple[bool, int, int]:
        # files that were not read, then what lost most; the earlier one of equals
        return (bool(row["refused"]), row["dropped"], -row["number"])

    worst = heapq.nlargest(SOURCES, source_rows(output), key=loss)
    cells = [
        f"<td>{escape(row['path'])}</td><td class=n>{row['samples'] / row['sample_rate']:,.1f}</td>"
        f"<td class=n>{row['kept'] / row['sample_rate']:,.1f}</td><td>{escape(_why(row))}</td>"
        for row in worst
    ]
    head = ["source", "seconds", "kept", "dropped, not read, odd"]
    return f"<h2>Sources that lost most</h2><p>All are in report.csv.</p>{_table(head, cells)}"


def _why(row: dict[str, Any]) -> str:
    drops = [f"{why} {n / row['sample_rate']:.1f} s" for why, n in json.loads(row["drops"]).items()]
    return "; ".join([*drops, *filter(None, (row["refused"], row["note"]))])


def _table(head: Sequence[str], rows: Sequence[str]) -> str:
    top = "".join(f"<th{' class=n' if name in NUMBERS else ''}>{escape(name)}</th>" for name in head)
    return f"<table>{f'<tr>{top}</tr>' if head else ''}{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"
