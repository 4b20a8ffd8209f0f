"""The commands, from a run to its comparison and its listening test; mistakes are one sentence."""

import json
from pathlib import Path

import pytest
from filelock import FileLock
from typer.testing import CliRunner

from glmtts.cli import app
from glmtts.errors import AsrError, BundleError, EvaluationError, GlmTtsError
from glmtts.eval import scorers
from glmtts.eval.choices import recognisers_of, score_files_of, scorers_of
from glmtts.eval.work import LOCK
from tests.eval.conftest import Level

RUNNER = CliRunner()


class Feels(Level):
    """A scorer that knows two emotions."""

    name, columns = "feels", ("emotion_happy", "emotion_sad")


scorers.register("feels", f"{__name__}:Feels")


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


def test_two_runs_in_one_folder_do_not_write_each_others_tables(tmp_path: Path, lines: Path) -> None:
    out = tmp_path / "run"
    run = ("mini", lines, "--lines", "2", "--asr", "none", "--scorer", "level", "-o", out)
    call(*run, "-s", "person=recordings")
    tables = (out / "results.json").read_bytes()
    scores = tmp_path / "scores.txt"
    scores.write_text('{"key": "a", "utmos": 4.0}\n', encoding="utf-8")
    with FileLock(out / LOCK):  # as a run does that is at work; its system and ours are not the same
        for other in ((*run, "-s", "noise=noisy?snr=0"), ("versa", f"a={scores}", "-o", out), ("report", out)):
            with pytest.raises(EvaluationError, match=r"^Another run is at work in .*/run\. Wait for it, or give"):
                call(*other)
    assert (out / "results.json").read_bytes() == tables
    call(*run, "-s", "person=recordings", "-s", "noise=noisy?snr=0")  # the file of the lock alone stops nobody


def test_mistakes_are_said_in_a_sentence(tmp_path: Path, lines: Path) -> None:
    for words, arguments in (
        ("is no list", ("mini", "absent", "-o", tmp_path / "a")),
        ("no system 'absent'", ("mini", lines, "-s", "absent", "--scorer", "level", "-o", tmp_path / "b")),
        ("no scorer 'absent'", ("mini", lines, "-s", "mini", "--scorer", "absent", "-o", tmp_path / "c")),
        ("needs the benchmark's lists", ("seed-tts", "-o", tmp_path / "d")),
        ("give --corpus", ("mini", "mini-clone", "-o", tmp_path / "e")),
        ("Give each a LABEL", ("mini", lines, "-s", "recordings", "-s", "recordings", "-o", tmp_path / "f")),
        ("no results", ("compare", str(tmp_path), str(tmp_path))),
        ("Two systems are named 'a'", ("versa", "a=x", "a=y", "-o", tmp_path / "g")),
    ):
        with pytest.raises(EvaluationError, match=words):
            call(*arguments)


def test_what_a_run_cannot_do_is_said_before_anything_is_spoken(tmp_path: Path, lines: Path) -> None:
    out, person = tmp_path / "out", ("-s", "person=recordings")
    wordless = tmp_path / "en.lst"
    wordless.write_text("a|Hello.\nb|\n", encoding="utf-8")
    for name, language, text in (("marks", "en", "!!! …"), ("stop", "zh", "。"), ("quote", "en", "'")):
        (tmp_path / name).mkdir()
        line = json.dumps({"id": "x", "lang": language, "text": text, "emotion": "joy"})
        (tmp_path / name / "index.jsonl").write_text(line, encoding="utf-8")
    joyful = tmp_path / "joyful"
    joyful.mkdir()
    line = json.dumps({"id": "x", "lang": "en", "text": "Hi.", "emotion": "joy"})
    (joyful / "index.jsonl").write_text(line, encoding="utf-8")
    feels = ("--scorer", "feels", "--asr", "none")
    for kind, words, arguments in (
        (EvaluationError, "'per' needs the label 'pinyin'", ("per", "mini-zh", *person)),
        (EvaluationError, "'forced' needs the label 'marked'", ("forced", "mini-zh", *person)),
        (EvaluationError, "needs the label 'emotion'", ("emotion", lines, "--scorer", "level", *person)),
        (EvaluationError, "'per' measures what a recogniser hears", ("per", "--asr", "none", *person)),
        (EvaluationError, "'forced' measures what a recogniser hears", ("forced", "--asr", "none", *person)),
        (EvaluationError, "cannot be held to a few readings", ("forced", "--asr", "paraformer-zh", *person)),
        (AsrError, "no speech recogniser 'absent'", ("mini", lines, "--asr", "absent", "--scorer", "level", *person)),
        (AsrError, "no speech recogniser 'absent'", ("long-form", "--asr", "absent", *person)),
        (EvaluationError, "--asr does nothing", ("vocoder", lines, "--asr", "none", "--scorer", "level", *person)),
        (EvaluationError, "--asr ja=… does nothing", ("mini", lines, "--asr", "none", "--asr", "ja=a:b", *person)),
        (EvaluationError, "--asr zh=… does nothing", ("mini", joyful, "--asr", "zh=none", *person)),
        (EvaluationError, "gives the option 'snr' twice", ("mini", lines, "-s", "noisy?snr=1&snr=20")),
        (EvaluationError, "gives the option 'a' twice", ("mini", lines, "--scorer", "level?a=1&a=1", *person)),
        (EvaluationError, "--device does nothing", ("mini", lines, "--asr", "none", "--device", "cuda", *person)),
        (EvaluationError, "--bundle does nothing", ("mini", lines, "--bundle", tmp_path, *person)),
        (EvaluationError, "--corpus does nothing", ("mini", lines, "--corpus", tmp_path, *person)),
        (EvaluationError, "--language does nothing", ("mini", lines, "--language", "en", *person)),
        (EvaluationError, "Give --ray", ("mini", lines, "--gpus", "1", *person)),
        (EvaluationError, "--processes does nothing", ("mini", lines, "--ray", "local", "--processes", "2", *person)),
        (EvaluationError, "beside other scorers", ("mini", lines, "--scorer", "none", "--scorer", "level", *person)),
        (EvaluationError, "column 'level'", ("mini", lines, "--asr", "none", *2 * ("--scorer", "level"), *person)),
        (EvaluationError, "'b' of the list 'en_en' has no text", ("mini", wordless, "--language", "en", *person)),
        *(
            (EvaluationError, f"'x' of the list '{name}' has no text of letters or digits", ("mini", tmp_path / name))
            for name in ("marks", "stop", "quote")
        ),
        (EvaluationError, "The emotion 'joy' of 'x' in the list 'joyful'", ("emotion", joyful, *feels, *person)),
        (EvaluationError, "named 'spoken'", ("mini", lines, lines, "--asr", "none", "--scorer", "level", *person)),
        (BundleError, "is no model bundle", ("speech-tokenizer", lines, "--bundle", tmp_path, "--scorer", "level")),
    ):
        with pytest.raises(kind, match=words):
            call(*arguments, "-o", out)
        assert not out.exists(), arguments


def test_a_recogniser_of_a_language_stands_beside_that_of_all() -> None:
    for given in (["whisper:x", "zh=none"], ["zh=none", "whisper:x"]):
        assert recognisers_of(given, ("en", "zh")) == ({"en": "whisper:x", "zh": "none"}, {"zh"})
    assert recognisers_of([], ("en", "zh")) == ({}, frozenset())
    assert recognisers_of(["a=b/c"], ("en",)) == ({"en": "a=b/c"}, frozenset())  # a path
    for given, words in (
        (["en=none", "en=whisper:x"], "two recognisers for the language 'en'"),
        (["none", "whisper:x", "zh=none"], "two recognisers for all languages"),
        (["none", "en=a", "zh=b"], "--asr none does nothing: each language has a recogniser of its own"),
    ):
        with pytest.raises(EvaluationError, match=words):
            recognisers_of(given, ("en", "zh"))


def test_a_configuration_of_versa_names_the_scorers(tmp_path: Path) -> None:
    config = tmp_path / "versa.yaml"
    config.write_text("- name: nisqa\n  nisqa_model_path: weights.tar\n- name: pesq\n", encoding="utf-8")
    assert scorers_of([], config) == ("nisqa?weights=weights.tar", "pesq")
    assert scorers_of(["none"], None) == () and scorers_of([], None) is None


def test_seeds_below_zero_are_told(tmp_path: Path) -> None:
    for arguments in (
        ("compare", "a", "b"),
        ("rank", tmp_path, "-s", "x"),
        ("listening", "make", tmp_path, "-s", "x"),
        ("listening", "analyse", "key", "answers"),
    ):
        found = RUNNER.invoke(app, ["eval", *map(str, arguments), "--seed", "-1"])
        assert found.exit_code == 2 and "Invalid value for '--seed'" in found.output, found.output


def test_score_files_have_a_name_each() -> None:
    assert score_files_of(["a=b=c", "d=e"]) == {"a": Path("b=c"), "d": Path("e")}
    for wrong in ("=file", " =file", "a=", "file"):
        with pytest.raises(EvaluationError, match="Write each file as SYSTEM=FILE"):
            score_files_of([wrong])
