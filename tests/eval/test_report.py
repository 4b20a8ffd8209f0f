"""Reports: every figure, player, picture and difference that they promise is there."""

import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
import soundfile

from glmtts.errors import EvaluationError
from glmtts.eval.protocols.base import Settings
from glmtts.eval.report import write_report
from glmtts.eval.results import Results
from glmtts.eval.runner import Run
from glmtts.eval.systems import SystemSpec
from glmtts.eval.units import PUBLISHED
from glmtts.eval.workers import InProcess
from tests.eval.test_runner import MINI


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, lines: Path) -> Path:
    """A run of recordings and of noisy ones, whose transcripts are made up."""
    out = tmp_path_factory.mktemp("report")
    specs = [SystemSpec.parse("person=recordings"), SystemSpec.parse("noise=noisy?snr=0")]
    results = MINI.run(specs, Settings(lists=(str(lines),), scorers=("level",)), Run(out, InProcess()))
    columns = [{"key": c.key, "title": c.title, "better": c.better, "errors": True} for c in PUBLISHED]
    for one in results.utterances:
        if one["error"] is None:
            one["hypothesis"] = "<hello> three" if one["language"] == "en" else "你们"
        one["values"] = {"wer": 1.0 if one["error"] else 0.5} | one["values"]
    made = replace(results, columns=[*columns[:1], *results.columns])
    made.save(out)
    write_report(made, out)
    return out


def test_html_has_players_pictures_and_differences_and_is_escaped(out: Path) -> None:
    text = (out / "report.html").read_text("utf-8")
    assert text.count("<article>") == 10 and "no output: there is no recording of this line" in text
    sources = re.findall(r'src="([^"]+)"', text)
    assert len([name for name in sources if name.endswith(".flac")]) >= 8
    assert len([name for name in sources if name.endswith(".png")]) == 8 + 1
    assert all((out / name).is_file() for name in sources)
    assert "<del>" in text and "<ins>" in text and "<hello>" not in text
    assert "level in place of somebody&#x27;s ear" in text


def test_markdown_has_tables_head_and_the_worst(out: Path) -> None:
    text = (out / "report.md").read_text("utf-8")
    assert "| person | 7 | 1 |" in text and "| noise | 7 | 1 |" in text
    for part in ("## The worst ten", "## Times", "## Made of", "GB/s read", "sha256", "Stand-in:", "Commit"):
        assert part in text, part
    assert str(out) not in text  # no path of this machine


def test_the_worst_come_first_and_a_report_is_written_again_from_results(out: Path) -> None:
    before = (out / "report.md").read_text("utf-8")
    rows = [line for line in before.split("## The worst ten")[1].splitlines() if line.startswith("| ")][1:]
    assert rows[0].startswith("| line6") or rows[1].startswith("| line6")
    write_report(Results.load(out), out)
    assert (out / "report.md").read_text("utf-8") == before


def test_a_place_that_takes_no_pictures_is_told(out: Path, tmp_path: Path) -> None:
    (tmp_path / "pictures").touch()
    with pytest.raises(EvaluationError, match="another --out"):
        write_report(Results.load(out), tmp_path)


def test_names_that_mean_something_in_an_address_are_written_so_that_they_do_not(tmp_path: Path) -> None:
    """A player of `a#1.flac` would ask for `a`."""
    names = ("d d#1", "a?b%20", "e&f")
    folder = tmp_path / "l #1"
    folder.mkdir()
    for name in names:
        soundfile.write(folder / f"{name}.wav", 0.1 * np.ones(24000), 24000)
    index = [json.dumps({"id": name, "lang": "en", "text": "x"}) for name in names]
    (folder / "index.jsonl").write_text("\n".join(index), encoding="utf-8")
    results = MINI.run(
        [SystemSpec.parse("x=recordings")], Settings((str(folder),), scorers=("level",)), Run(tmp_path, InProcess())
    )
    write_report(results, tmp_path)
    page, text = ((tmp_path / f"report.{kind}").read_text("utf-8") for kind in ("html", "md"))
    sources = re.findall(r'src="([^"]+)"', page) + re.findall(r"\]\(([^)]+)\)", text)
    # players of output and reference and a picture each, the links of the other report, and a plot in both
    assert len(sources) == 3 * 3 + 3 + 2
    assert all((tmp_path / unquote(urlsplit(source).path)).is_file() for source in sources)


def test_what_listened_and_judged_is_told(out: Path) -> None:
    assert Results.load(out).about["stages"]["score-level"]["scorer"] == "level"
    assert "- score-level: scorer level" in (out / "report.md").read_text("utf-8")
