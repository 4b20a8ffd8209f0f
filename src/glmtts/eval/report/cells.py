"""What the pages of a report say, and how figures are written: error rates in percent, means with their interval."""

from collections.abc import Sequence
from typing import Any

from glmtts.eval.error_rates import aligned
from glmtts.eval.results import Results
from glmtts.eval.statistics import finite

DASH = "–"
ARROWS = {"lower": " ↓", "higher": " ↑", "": ""}
WORST = 10  # items that a report shows; a choice
Table = tuple[list[str], list[list[str]]]


def tables_of(results: Results) -> list[tuple[str, Table]]:
    """One table a list, under its name: heads and rows of text, a row a system."""
    return [(name, _table(*results.table_of(name))) for name in results.lists]


def all_tables(results: Results) -> list[tuple[str, Table]]:
    """The tables of a page, in their order, each under its title: those of the lists, further ones, times."""
    return [*tables_of(results), *extra_tables_of(results.extra), ("Times", times_table(results))]


def extra_tables_of(extra: dict[str, Any]) -> list[tuple[str, Table]]:
    """Further tables of a protocol, {title: {"heads": […], "rows": [[…]]}}, as text; what else is there is left out."""
    return [
        (title, (one["heads"], [[str(value) for value in row] for row in one["rows"]]))
        for title, one in extra.items()
        if isinstance(one, dict) and "heads" in one
    ]


def times_table(results: Results) -> Table:
    """How long speaking took."""
    heads = ["list", "system", "seconds of speech", "seconds of work", "real-time factor"]
    keys = ("list", "system", "seconds_of_speech", "seconds_of_work", "real_time_factor")
    return heads, [[str(one[key]) for key in keys] for one in results.times]


def values_of(one: dict[str, Any]) -> str:
    """The figures that an utterance has, in one line."""
    return ", ".join(f"{key} {value:.3g}" for key, value in one["values"].items() if value is not None)


def difference(one: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The alignment of an utterance's text and transcript, as `aligned` gives it; nothing without a transcript."""
    return aligned(one["hypothesis"], one["text"], one["language"]) if one["hypothesis"] is not None else []


def _table(rows: Sequence[dict[str, Any]], columns: Sequence[dict[str, Any]]) -> Table:
    heads = ["system", "lines", "missing"]
    for column in columns:
        title = column["title"] + ARROWS[column["better"]]
        heads += [f"{title}, as published %", "all counted %", "corpus %", "> 50 %"] if column["errors"] else [title]
    return heads, [_row(row, columns) for row in rows]


def _row(row: dict[str, Any], columns: Sequence[dict[str, Any]]) -> list[str]:
    texts = [row["system"], str(row["lines"]), str(row["missing"])]
    for column in columns:
        cell = row["cells"].get(column["key"])
        if not column["errors"]:
            texts.append(
                DASH
                if cell is None
                else figure(cell["mean"], cell["interval"]) + of_lines(cell["values"], row["lines"] - row["missing"])
            )
        elif cell is None:
            texts += [DASH] * 4
        else:
            texts += [percent(cell[key], cell[f"{key}_interval"]) for key in ("as_published", "all_counted", "corpus")]
            texts[-3] += of_lines(cell["utterances"], row["lines"])
            texts.append(str(cell["above_half"]))
    return texts


def of_lines(lines: int, most: int) -> str:
    """How many lines a figure rests on, where these are not all that there are."""
    return f" of {lines}" if lines < most else ""


def percent(value: float | None, interval: Sequence[float] | None = None) -> str:
    """A share as percent with three digits as the public script writes it, and its interval with one."""
    if value is None:
        return DASH
    within = f" [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]" if interval else ""
    return f"{100 * value:.3f}{within}"


def figure(value: float, interval: Sequence[float] | None = None, digits: int = 3) -> str:
    """A mean with so many digits after the point, and its interval."""
    within = f" [{interval[0]:.{digits}f}, {interval[1]:.{digits}f}]" if interval else ""
    return f"{value:.{digits}f}{within}"


def worst_of(results: Results) -> list[dict[str, Any]]:
    """The ten worst utterances by the first column in which one is better: missing ones first, then by that figure."""
    column = next((c for c in results.columns if c["better"]), None)
    if column is None:
        return []
    sign = 1 if column["better"] == "lower" else -1

    def badness(one: dict[str, Any]) -> float:
        if one["error"] is not None:
            return float("inf")
        value = one["values"].get(column["key"])
        return sign * value if finite(value) else float("-inf")

    ranked = sorted(results.utterances, key=badness, reverse=True)
    return [one for one in ranked if badness(one) > float("-inf")][:WORST]


def head_lines(results: Results) -> list[str]:
    """What a reader must know first: hardware, versions, commit, stand-ins, notes."""
    about = results.about
    versions = ", ".join(f"{name} {number}" for name, number in about.get("versions", {}).items())
    hardware = (
        f"{about.get('hardware')} ({about.get('instruction_set')}, {about.get('read_gigabytes_a_second')} GB/s read)"
    )
    stand_ins = [f"Stand-in: {line}." for line in about.get("stand_ins", [])]
    return [
        *stand_ins,
        *results.notes,
        f"Intervals are 95 % by bootstrap over utterances ({about.get('bootstrap', 'seed 0')}).",
        f"Hardware: {hardware}. Commit {about.get('commit')}. {versions}.",
    ]


def about_lines(results: Results) -> list[str]:
    """Lists, systems, recognisers and scorers with their hashes."""
    lists = [
        f"{name}: {one['lines']} lines, sha256 {one['sha256'][:16]}" for name, one in results.about["lists"].items()
    ]
    seeds = ["The seed of a line's synthesis is its place in the list."]
    systems = [f"{name}: {_flat(one)}" for name, one in results.about["systems"].items()]
    stages = [f"{name}: {_flat(one)}" for name, one in results.about.get("stages", {}).items()]
    return lists + systems + stages + seeds


def _flat(values: dict[str, Any]) -> str:
    return ", ".join(
        f"{key} {str(value)[:64] if not isinstance(value, dict) else value}" for key, value in values.items()
    )
