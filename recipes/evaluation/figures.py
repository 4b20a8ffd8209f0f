"""A step of the evaluation as a part of docs/evaluation_figures.md: few tables, narrow enough to be read.

Systems stand side by side, measures below each other. What a page would repeat is left to the files that the tables
are made of: intervals of the corpus rate, what a rate does with missing outputs where none is missing, versions.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from glmtts.eval.ranking import ranking_table
from glmtts.eval.report.cells import ARROWS, DASH, Table, figure, of_lines, percent
from glmtts.eval.report.markdown import extra_tables, markdown_table
from glmtts.eval.results import Results

LEFT_OUT = ("not right", "by kind")  # further tables of many rows
TIMED = 0.02  # a real-time factor below it is of reading files
Row = dict[str, Any]
Figures = dict[str, tuple[str, str]]  # title and figure of each measure


def tables(results: Results, rank: Sequence[str]) -> str:
    """All tables of a step; `rank` is an order of systems that its measures should tell, or empty."""
    few = len({row["system"] for row in results.tables}) == 1
    text = "\n" + markdown_table(_by_list(results) if few else _by_measure(results))
    extra = {name: one for name, one in results.extra.items() if not any(part in name for part in LEFT_OUT)}
    text += extra_tables(extra).replace("\n## ", "\n#### ")
    return text + (_ranks(results, rank) if rank else "")


def _by_measure(results: Results) -> Table:
    """A row a list and measure, a column a system."""
    systems = list(dict.fromkeys(row["system"] for row in results.tables))
    rows = []
    for name in results.lists:
        mine = {row["system"]: row for row in results.tables if row["list"] == name}
        lines = max(row["lines"] for row in mine.values())
        measured = {label: _figures(results, row) for label, row in mine.items()}
        first = f"{name}, {lines} lines"
        for key, title in _titles(measured.values()).items():
            rows.append([first, title, *(measured.get(label, {}).get(key, ("", DASH))[1] for label in systems)])
            first = ""
    return ["list", "measure", *systems], rows


def _by_list(results: Results) -> Table:
    """A row a list, a column a measure: for one system."""
    measured = {row["list"]: _figures(results, row) for row in results.tables}
    titles = _titles(measured.values())
    lines = {row["list"]: row["lines"] for row in results.tables}
    rows = [
        [name, str(lines[name]), *(one.get(key, ("", DASH))[1] for key in titles)] for name, one in measured.items()
    ]
    return ["list", "lines", *titles.values()], rows


def _titles(measured: Iterable[Figures]) -> dict[str, str]:
    return {key: title for one in measured for key, (title, _) in one.items()}


def _figures(results: Results, row: Row) -> Figures:
    """What stands of a system and list."""
    found = {"missing": ("missing", str(row["missing"]))} if row["missing"] else {}
    for column in results.columns:
        key, title = column["key"], column["title"] + ARROWS[column["better"]]
        cell = row["cells"].get(key)
        if cell is None:
            continue
        if not column["errors"]:
            of = of_lines(cell["values"], row["lines"] - row["missing"])
            found[key] = title, figure(cell["mean"], cell["interval"]) + of
            continue
        mean = percent(cell["as_published"], cell["as_published_interval"])
        found[key] = f"{title} % (corpus)", f"{mean} ({percent(cell['corpus'])})"
        if cell["as_published"] != cell["all_counted"]:
            counted = percent(cell["all_counted"], cell["all_counted_interval"])
            found[f"{key}, all"] = f"{title} %, all counted", counted
    factor = next((t["real_time_factor"] for t in results.times if (t["list"], t["system"]) == _place(row)), None)
    timed = factor is not None and factor > TIMED
    return found | ({"factor": ("real-time factor ↓", f"{factor:.2f}")} if timed else {})


def _ranks(results: Results, rank: Sequence[str]) -> str:
    """Whether each measure tells each step, in every list and in all of them together."""
    _, rows = ranking_table(results, rank)
    steps = [f"{one} > {other}" for one, other in pairwise(rank)]
    by_title: dict[str, dict[str, str]] = {}
    for row in rows:
        title, _, name = row[0].removesuffix(")").rpartition(" (")
        by_title.setdefault(title, {})[name] = ", ".join(_sure(text) for text in row[-len(steps) :])
    names = [*results.lists, "all"]
    body = [[title, *(one.get(name, DASH) for name in names)] for title, one in by_title.items()]
    head = f"\nIs each step of {', '.join(steps)} seen (p < 0.05)?\n\n"
    return head + markdown_table((["measure", *names], body))


def _sure(text: str) -> str:
    """Without the p of what is seen."""
    return text if text.startswith("not seen") else text.partition(" (")[0]


def _place(row: Row) -> tuple[str, str]:
    return row["list"], row["system"]
