"""The commands, from a run to its comparison and its listening test; mistakes are one sentence."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from glmtts.cli import app
from glmtts.errors import EvaluationError, GlmTtsError
from glmtts.eval.command import _scorers

RUNNER = CliRunner()


def call(*arguments: str | Path) -> str:
    """Run `glm-tts eval` and give what it says."""
    found = RUNNER.invoke(app, ["eval", *map(str, arguments)], catch_exceptions=True)
    if isinstance(found.exception, GlmTtsError):
        raise found.exception
    assert found.exit_code == 0, found.output
    return found.output


def test_a_run_its_report_comparison_ranking_and_listening_test(tmp_path: Path, lines: Path) -> None:
    out = tmp_path / "run"
    run = ("mini", lines, "--lines", "5", "--asr", "none", "--scorer", "level", "--chunk", "2", "-o", out)
    said = call(*run, "-s", "person=recordings", "-s", "noise=noisy?snr=0")
    assert "| person | 5 | 0 |" in said
    assert (out / "report.html").is_file() and (out / "utterances.csv").is_file()
    (out / "report.md").unlink()
    call("report", out)
    assert (out / "report.md").is_file()
    assert "| spoken | level | 5 |" in call("compare", f"{out}:person", f"{out}:noise")
    assert "noise > person" in call("rank", out, "-s", "noise", "-s", "person")
    call("listening", "make", out, "-s", "person", "-s", "noise", "--lines", "3", "-o", tmp_path / "test")
    assert (tmp_path / "test/page/index.html").is_file()


def test_mistakes_are_said_in_a_sentence(tmp_path: Path, lines: Path) -> None:
    for words, arguments in (
        ("is no list", ("mini", "absent", "-o", tmp_path / "a")),
        ("no system 'absent'", ("mini", lines, "-s", "absent", "--scorer", "level", "-o", tmp_path / "b")),
        ("no scorer 'absent'", ("mini", lines, "-s", "mini", "--scorer", "absent", "-o", tmp_path / "c")),
        ("needs the benchmark's lists", ("seed-tts", "-o", tmp_path / "d")),
        ("give --corpus", ("mini", "mini-clone", "-o", tmp_path / "e")),
        ("Give each a LABEL", ("mini", lines, "-s", "recordings", "-s", "recordings", "-o", tmp_path / "f")),
        ("no results", ("compare", str(tmp_path), str(tmp_path))),
    ):
        with pytest.raises(EvaluationError, match=words):
            call(*arguments)


def test_a_configuration_of_versa_names_the_scorers(tmp_path: Path) -> None:
    config = tmp_path / "versa.yaml"
    config.write_text("- name: nisqa\n  nisqa_model_path: weights.tar\n- name: pesq\n", encoding="utf-8")
    assert _scorers(None, config) == ("nisqa?weights=weights.tar", "pesq")
    assert _scorers(["none"], None) == () and _scorers([], None) is None
