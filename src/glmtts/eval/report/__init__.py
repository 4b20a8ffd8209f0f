"""Reports of results: Markdown, HTML with players and spectrograms, plots."""

from pathlib import Path

from glmtts.eval.report.html import html_page
from glmtts.eval.report.markdown import markdown_page
from glmtts.eval.report.plots import plot_tables
from glmtts.eval.results import Results
from glmtts.eval.work import write_text

__all__ = ["write_report"]


def write_report(results: Results, out: Path) -> None:
    """Write `report.md`, `report.html` and their pictures into the folder of a run.

    Raises:
        EvaluationError: matplotlib is not installed, or the disk does not take them.
    """
    plots = plot_tables(results, out)
    write_text(out / "report.md", markdown_page(results, plots))
    write_text(out / "report.html", html_page(results, plots, out))
