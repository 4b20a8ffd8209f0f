"""The programs of recipes/ and benchmarks/: each explains itself; a mistake is one sentence before hours of work."""

import argparse
import ast
import json
import logging
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from glmtts import programs
from glmtts.errors import DataError
from glmtts.programs import (
    a_file,
    a_folder,
    add_row,
    check_names,
    file_to_write,
    folder_to_fill,
    number_from,
    read_index,
    read_rows,
    recording,
    run_program,
    whole_from,
    write_text,
)

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("recipes/**/*.py", "benchmarks/*.py", "docs/samples/*.py")
    for path in ROOT.glob(pattern)
    if "__main__" in path.read_text(encoding="utf-8")
)
LINE = {"id": "a", "lang": "en", "text": "Hello.", "speaker": "s", "seconds": 2}
Program = Callable[..., str]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Program]:
    """Runs a program in this process as a person does, and gives what it shows; it ends with this code."""

    def call(name: str, *arguments: object, code: int) -> str:
        monkeypatch.setattr("sys.argv", [name, *map(str, arguments)])
        monkeypatch.syspath_prepend(str((ROOT / name).parent))
        ended = 0
        try:
            runpy.run_path(str(ROOT / name), run_name="__main__")
        except SystemExit as error:
            ended = int(error.code or 0)
        out, err = capsys.readouterr()
        assert ended == code, out + err
        return out if code == 0 else err

    before = set(sys.modules)
    yield call
    for name in set(sys.modules) - before:  # several folders have a measure.py
        if str(getattr(sys.modules[name], "__file__", "")).startswith((f"{ROOT}/recipes", f"{ROOT}/benchmarks")):
            del sys.modules[name]


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_explains_itself(program: Program, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where packages are not installed that its work alone needs."""
    for package in ("hibari", "misaki", "resemblyzer", "jieba", "g2pM", "pypinyin_dict", "matplotlib", "scipy"):
        monkeypatch.setitem(sys.modules, package, None)
    head = (ast.get_docstring(ast.parse((ROOT / name).read_text(encoding="utf-8"))) or "").split()
    shown = " ".join(program(name, "--help", code=0).split())
    assert "usage: " in shown.lower()
    assert " ".join(head[:4]) in shown or "typer" in (ROOT / name).read_text(encoding="utf-8")


def corpus_of(folder: Path, *lines: object, mark: bytes = b"") -> Path:
    """A folder with an index of these lines, and a silent recording for every id."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
    (folder / "index.jsonl").write_bytes(mark + "".join(f"{text}\n" for text in texts).encode())
    for line in lines:
        if isinstance(line, dict) and "id" in line:
            silence = np.zeros(int(24000 * LINE["seconds"]))
            soundfile.write(folder / f"{line['id']}.opus", silence, 24000, format="OGG", subtype="OPUS")
    return folder


def test_an_index_is_read_with_its_mark_and_blank_lines(tmp_path: Path) -> None:
    lines = [{**LINE, "id": "ein Satz", "text": "one\u2028line"}, "", {**LINE, "id": "句子"}]
    folder = corpus_of(tmp_path / "mit Leerzeichen 语料", *lines, mark=b"\xef\xbb\xbf")
    found = read_index(folder)
    assert [record["id"] for record in found] == ["ein Satz", "句子"]
    assert [recording(folder, record).name for record in found] == ["ein Satz.opus", "句子.opus"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "JSON object"),
        ("[]", "JSON object"),
        ({**LINE, "text": 3}, "text"),
        ({**LINE, "text": " "}, "text"),
        ({**LINE, "lang": "de"}, "lang"),
        ({**LINE, "seconds": "2"}, "seconds"),
        ({**LINE, "seconds": 0}, "seconds"),
        ({**LINE, "seconds": True}, "seconds"),
        ({**LINE, "file": 3}, "file"),
        ({key: value for key, value in LINE.items() if key != "speaker"}, "speaker"),
    ],
)
def test_a_bad_line_is_named_by_its_number(tmp_path: Path, line: object, said: str) -> None:
    corpus = corpus_of(tmp_path / "corpus", LINE, line)
    with pytest.raises(DataError, match=rf"Line 2 of .*index\.jsonl has no right {said}"):
        read_index(corpus)


def test_a_line_that_comes_twice_is_left_out_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    corpus = corpus_of(tmp_path, LINE, {**LINE, "id": "b"}, LINE)
    with caplog.at_level(logging.WARNING, "glmtts"):
        assert [record["id"] for record in read_index(corpus)] == ["a", "b"]
    assert "Line 3 of" in caplog.text and "line 1 has its id" in caplog.text


def test_an_index_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    for text, said in ((b"", "no lines"), (b"\xff\xfe{}", "is not UTF-8"), (None, "cannot be read")):
        (tmp_path / "index.jsonl").unlink(missing_ok=True)
        if text is not None:
            (tmp_path / "index.jsonl").write_bytes(text)
        with pytest.raises(DataError, match=said):
            read_index(tmp_path)
    with pytest.raises(DataError, match=r"a\.opus is not there"):
        recording(tmp_path, LINE)


def test_names_that_a_disk_takes_for_one_are_refused() -> None:
    check_names(["a", "b c", "句"])
    for names, said in ((["A1", "b", "a1"], "'A1' and 'a1' differ only in case"), (["a/b"], "'a/b'"), ([".."], "'..'")):
        with pytest.raises(DataError, match=said):
            check_names(names)


@pytest.mark.parametrize("cut", [b'{"n": 2', b'{"n": 2}', b"\xe4", b""])
def test_rows_go_on_after_a_kill(tmp_path: Path, cut: bytes) -> None:
    """What a kill has left of a line is written again, a whole line without its end is kept."""
    path = tmp_path / "new folder" / "rows.jsonl"
    assert read_rows(path) == []
    add_row(path, {"n": 1})
    with path.open("ab") as file:
        file.write(cut)
    kept = [{"n": 1}, {"n": 2}] if cut.endswith(b"}") else [{"n": 1}]
    before = path.read_bytes()
    assert read_rows(path) == kept
    assert path.read_bytes() == before
    add_row(path, {"n": "三"})
    assert read_rows(path) == [*kept, {"n": "三"}]
    assert path.read_bytes().endswith(b"\n")
    path.write_bytes(b'{"n": 1}\n{"n"\n{"n": 3}\n')
    with pytest.raises(DataError, match="Line 2 of"):
        read_rows(path)


def test_numbers_have_bounds() -> None:
    assert (whole_from()("3"), whole_from(0, 9)("9"), number_from(above=True)("0.5")) == (3, 9, 0.5)
    for kind, text in (
        (whole_from(), "0"),
        (whole_from(), "1.5"),
        (whole_from(0, 9), "10"),
        (number_from(), "nan"),
        (number_from(), "inf"),
        (number_from(), "x"),
        (number_from(above=True), "0"),
        (number_from(0, 1), "1.1"),
    ):
        with pytest.raises(argparse.ArgumentTypeError, match=text):
            kind(text)


def test_places_are_looked_at_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").touch()
    (tmp_path / "bare").mkdir()
    assert a_file(f"{tmp_path}/file").is_file() and a_folder(str(tmp_path)).is_dir()
    assert file_to_write(f"{tmp_path}/new/deep/file").parent.name == "deep"
    assert folder_to_fill(f"{tmp_path}/bare").is_dir() and not (tmp_path / "new").exists()
    for kind, name, said in (
        (a_file, "none", "not there"),
        (a_file, "bare", "a folder"),
        (a_file, "empty", "is empty"),
        (a_folder, "none", "not there"),
        (a_folder, "file", "a file"),
        (a_folder, "bare", "is empty"),
        (file_to_write, "bare", "a folder"),
        (file_to_write, "file/new", "cannot be written"),
        (folder_to_fill, "file", "a file"),
        (folder_to_fill, "file/new", "cannot be written"),
    ):
        with pytest.raises(argparse.ArgumentTypeError, match=said):
            kind(f"{tmp_path}/{name}")
    for kind in (a_file, a_folder, file_to_write, folder_to_fill):
        with pytest.raises(argparse.ArgumentTypeError, match="empty"):
            kind(" ")
    if os.name != "nt" and Path("/proc").is_dir():
        with pytest.raises(argparse.ArgumentTypeError, match="cannot be written"):
            folder_to_fill("/proc/glm-tts")


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    write_text(tmp_path / "new" / "a.txt", "first")
    with pytest.raises(ZeroDivisionError):
        programs.write_whole(tmp_path / "new" / "a.txt", lambda path: path.write_text(str(1 / 0)))
    assert [(path.name, path.read_text()) for path in (tmp_path / "new").iterdir()] == [("a.txt", "first")]
    with pytest.raises(DataError, match="cannot be written"):
        write_text(tmp_path / "new" / "a.txt" / "b.txt", "x")


def fails() -> None:
    subprocess.run([sys.executable, "-c", "raise SystemExit(3)"], check=True)


@pytest.mark.parametrize(
    ("main", "said"),
    [
        (lambda: read_index(Path("none")), "none/index.jsonl cannot be read"),
        (lambda: Path("none").read_text(), "none cannot be used: No such file"),
        (lambda: __import__("no_such_package"), "needs the package no_such_package"),
        (fails, "A command has failed, and says why above: "),
    ],
)
def test_what_a_user_can_cause_is_one_sentence(
    main: Callable[[], object],
    said: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        run_program(main)
    shown = capsys.readouterr().err
    assert ended.value.code == 2 and shown.startswith("error: ") and shown.count("\n") == 1
    assert said in shown.replace("\\", "/")


def test_a_bug_stays_one() -> None:
    with pytest.raises(ZeroDivisionError):
        run_program(lambda: 1 / 0)


def refused(shown: str) -> str:
    """The last line of what argparse or a program shows; nothing of it is a traceback."""
    assert "Traceback" not in shown
    return shown.strip().splitlines()[-1]


def test_mistakes_are_said_before_the_work(program: Program, tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path / "c", {**LINE, "id": "A1"}, {**LINE, "id": "a1"})
    (tmp_path / "weights").write_text("x")
    work, out, weights = tmp_path / "work", tmp_path / "out", tmp_path / "weights"
    for name, arguments, said in (
        ("recipes/mini/warp.py", ("--corpus", corpus, "--out", out), "'c_A1' and 'c_a1' differ only in case"),
        ("recipes/mini/warp.py", ("--corpus", corpus, "--out", out, "--hours", "-1"), "'-1' is no number above 0"),
        ("recipes/mini/prepare.py", ("--corpus", corpus, corpus / "..", "--whisper", weights, "--work", work), "index"),
        ("recipes/mini/prepare.py", ("--corpus", corpus, corpus, "--whisper", weights, "--work", work), "one dataset"),
        ("recipes/mini/flow_mel.py", ("--work", corpus), "has no such dataset with wave. Run prepare.py"),
        ("recipes/mini/teacher.py", ("--shard", "2/2"), "'2/2' is no part of the work"),
        ("recipes/rl/texts.py", (corpus, out / "texts.tsv"), "heldout_en.txt cannot be read"),
        ("recipes/rl/measure.py", ("compare", weights, weights), "holds no lines"),
        ("recipes/voices/folders.py", (corpus, "--speaker", "s", "--work", work), "has 2 lines of s; 40 are held out"),
        ("recipes/voices/table.py", ("--work", corpus, "--folder", "x", "--out", out), "has no results"),
        ("recipes/voices/curve.py", ("--work", corpus, "--folder", "x", "--whisper", corpus), "folders.py first"),
        ("recipes/voices/curve.py", ("--variants", "101"), "'101' is no number above 0 to 100"),
        ("recipes/scorers/emotion/features.py", (corpus, "--whisper", weights, "--out", out), "no right emotion"),
        ("recipes/pipeline/end_to_end.py", (corpus, "--work", work), "has 2 recordings"),
        ("recipes/pipeline/hard_hour.py", (corpus, out), "en/index.jsonl cannot be read"),
        ("recipes/pipeline/measure.py", ("table", corpus, out), "Make them with hard_hour.py"),
        ("recipes/rl/judged.py", (corpus, tmp_path / "none"), "none is not there"),
        ("recipes/evaluation/throughput.py", ("--lines", "9999"), "is no whole number from 1 to "),
        ("benchmarks/speed.py", ("--onnx", tmp_path / "none"), "none is not there"),
        ("benchmarks/scorers.py", ("--corpus", corpus, "--scorer", "nisqa:weights"), "gives an option no value"),
    ):
        assert said in refused(program(name, *arguments, code=2)).replace("\\", "/"), name
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "out") == ["c", "weights"]


def test_texts_of_the_recipe_come_from_marked_lists(program: Program, tmp_path: Path) -> None:
    said = {
        "en": ("A sentence of a handy length.", "This one is held out of it."),
        "zh": ("今天天气很好。", "我们去公园散步。"),
    }
    for name, lang in (("en", "en"), ("zh_daily", "zh")):
        lines = [{"lang": lang, "text": text} for text in said[lang]]
        corpus_of(tmp_path / "C O" / name, *lines, mark=b"\xef\xbb\xbf")
        (tmp_path / "C O" / f"heldout_{lang}.txt").write_bytes(b"\xef\xbb\xbf" + f"{said[lang][1]}\r\n".encode())
    texts = tmp_path / "new" / "texts.tsv"
    program("recipes/rl/texts.py", tmp_path / "C O", texts, code=0)
    assert texts.read_text(encoding="utf-8") == f"en\t{said['en'][0]}\nzh\t{said['zh'][0]}\n"
