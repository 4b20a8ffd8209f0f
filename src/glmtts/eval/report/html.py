"""The report as one page of HTML: tables, and the worst ten with players, differences and spectrograms."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from glmtts.eval.report import cells
from glmtts.eval.report.plots import spectrogram
from glmtts.eval.results import Results

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#1a1a1a;background:#fff}
table{border-collapse:collapse;display:block;overflow-x:auto}
td,th{border:1px solid #bbb;padding:.25rem .6rem;text-align:left}
th{background:#f2f2f2}
del{background:#ffd7d5}
ins{background:#d2f4d3;text-decoration:none}
img{max-width:100%}
article{border-top:1px solid #bbb;margin-top:1rem}
audio{width:100%;max-width:30rem}
"""


def html_page(results: Results, plots: Sequence[str], out: Path) -> str:
    """The whole page; paths in it are relative to `out`, and spectrograms are drawn there."""
    parts = [f"<h1>{escape(results.title)}</h1><p>{escape(results.source)}</p>", _list(cells.head_lines(results))]
    parts += [f"<h2>{escape(title)}</h2>{html_table(table)}" for title, table in cells.all_tables(results)]
    if worst := cells.worst_of(results):
        parts += ["<h2>The worst ten</h2>", *(_article(one, out) for one in worst)]
    # for the address first, then for HTML: a `#` in a list's name would end the address
    parts += [f'<h2>Plots</h2><img src="{escape(quote(name))}" alt="means with intervals">' for name in plots]
    parts += ["<h2>Made of</h2>", _list(cells.about_lines(results))]
    return page(results.title, STYLE, "".join(parts))


def page(title: str, style: str, body: str) -> str:
    """A page that stands alone."""
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return f'<!doctype html>\n<html lang="en"><head>{head}<style>{style}</style></head><body>{body}</body></html>\n'


def html_table(table: cells.Table) -> str:
    """A table in HTML."""
    heads, rows = table
    first = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    rest = "".join("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{first}</tr></thead><tbody>{rest}</tbody></table>"


def _list(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def _article(one: dict[str, Any], out: Path) -> str:
    name = f"{one['id']} · {one['system']} · {one['list']}"
    parts = [f"<h3>{escape(name)}</h3><p>{escape(cells.values_of(one))}</p><p>{escape(one['text'])}</p>"]
    if one["error"]:
        parts.append(f"<p>no output: {escape(one['error'])}</p>")
    parts.append(f"<p>{_difference(one)}</p>")
    # preload none: the page would load all recordings when it is opened
    for title, path in (("output", one["audio"]), ("reference", one["reference"])):
        if path is not None:
            parts.append(f'<p>{title}<br><audio controls preload="none" src="{escape(quote(path))}"></audio></p>')
    if one["audio"] is not None and (picture := spectrogram(out, one)) is not None:
        parts.append(f'<img src="{escape(quote(picture))}" alt="log-mel of the output">')
    return f"<article>{''.join(parts)}</article>"


def _difference(one: dict[str, Any]) -> str:
    glue = "" if one["language"] == "zh" else " "
    parts = []
    for kind, wanted, heard in cells.difference(one):
        wanted, heard = (escape(text.replace(" ", glue)) for text in (wanted, heard))
        if kind == "equal":
            parts.append(wanted)
            continue
        parts += [f"<del>{wanted}</del>"] * bool(wanted) + [f"<ins>{heard}</ins>"] * bool(heard)
    return glue.join(parts)
