"""docs/ablations.md: each table stands between two marks of its own, and is written anew by its recipe."""

from collections.abc import Sequence
from pathlib import Path

from glmtts.errors import EvaluationError
from glmtts.eval.report.markdown import markdown_table
from glmtts.eval.work import write_text

PAGE = Path(__file__).parents[2] / "docs" / "ablations.md"


def write_section(name: str, heads: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str]) -> None:
    """Put a table, and lines that say how it was measured, between the marks of `name`."""
    begin, end = f"<!-- {name}: written by recipes/ablations/{name}.py -->", f"<!-- end of {name} -->"
    before, found, rest = PAGE.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise EvaluationError(f"{PAGE} has no place for {name}: put the lines '{begin}' and '{end}' where it belongs.")
    lines = "".join(f"- {note}\n" for note in notes)
    table = markdown_table((list(heads), [list(row) for row in rows]))
    write_text(PAGE, f"{before}{begin}\n\n{table}\n{lines}\n{end}{after}")
