"""The report as Markdown."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from glmtts.eval.report import cells
from glmtts.eval.results import Results


def markdown_page(results: Results, plots: Sequence[str]) -> str:
    """Head, tables, times, the worst ten, plots, what made it."""
    parts = [f"# {results.title}", results.source, *[f"- {line}" for line in cells.head_lines(results)]]
    text = "\n".join(parts[:2]) + "\n\n" + "\n".join(parts[2:]) + "\n"
    text += _sections(cells.all_tables(results))
    if worst := cells.worst_of(results):
        text += "\n## The worst ten\n\n" + markdown_table(_worst(worst))
    text += "".join(f"\n![{name}]({quote(name)})\n" for name in plots)
    return text + "\n## Made of\n\n" + "".join(f"- {line}\n" for line in cells.about_lines(results))


def markdown_table(table: cells.Table) -> str:
    """A table in Markdown."""
    heads, rows = table
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(_cell(text) for text in line) + " |\n" for line in lines)


def extra_tables(extra: dict[str, Any]) -> str:
    """Further tables of a protocol, each under its title."""
    return _sections(cells.extra_tables_of(extra))


def _sections(tables: Sequence[tuple[str, cells.Table]]) -> str:
    return "".join(f"\n## {title}\n\n{markdown_table(table)}" for title, table in tables)


def _worst(worst: Sequence[dict[str, Any]]) -> cells.Table:
    heads = ["utterance", "system", "text", "heard (**wanted** → heard)", "values"]
    rows = []
    for one in worst:
        heard = one["error"] or _marked(one)
        name = f"[{one['id']}]({quote(one['audio'])})" if one["audio"] else one["id"]
        rows.append([name, one["system"], one["text"], heard, cells.values_of(one)])
    return heads, rows


def _marked(one: dict[str, Any]) -> str:
    marks = {"equal": "{1}", "substitute": "**{0}** → {1}", "delete": "**{0}** →", "insert": "→ {1}"}
    glue = "" if one["language"] == "zh" else " "
    parts = [
        marks[kind].format(wanted.replace(" ", glue), heard.replace(" ", glue))
        for kind, wanted, heard in cells.difference(one)
    ]
    return " ".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
