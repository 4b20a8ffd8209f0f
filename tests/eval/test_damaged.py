"""Files of an evaluation that are damaged, or another program's, are told of in one sentence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from glmtts.errors import DataError, EvaluationError
from glmtts.eval.clone_list import clone_list
from glmtts.eval.listening.files import read_key
from glmtts.eval.lists import index_list
from glmtts.eval.report import write_report
from glmtts.eval.results import Results
from glmtts.eval.text.readings import everyday_readings
from glmtts.eval.versa import read_scores, results_of_versa
from glmtts.eval.work import read_records
from tests.eval.test_runner import run

DEEP = "[" * 100_000  # costs the parser of JSON its stack


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("key.json", read_key),
        ("scores.jsonl", read_scores),
        ("chunk.json", read_records),
        ("sentences.json", lambda path: list(everyday_readings(path))),
        ("index.jsonl", lambda path: index_list(path.parent)),
        ("ljspeech/index.jsonl", lambda path: clone_list(path.parents[1])),
    ],
)
def test_what_is_nested_too_deep_is_told(tmp_path: Path, name: str, read: Callable[[Path], Any]) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(DEEP, encoding="utf-8")
    with pytest.raises(EvaluationError if name != "ljspeech/index.jsonl" else DataError):
        read(path)


def test_a_recording_of_an_index_has_a_name(tmp_path: Path) -> None:
    line = {"id": "a", "lang": "en", "text": "Hi."}
    for file in ("b.flac", None):
        (tmp_path / "index.jsonl").write_text(json.dumps(line | {"file": file}), encoding="utf-8")
        assert index_list(tmp_path).items[0].reference_audio == (tmp_path / file if file else None)
    (tmp_path / "index.jsonl").write_text(json.dumps(line | {"file": 5}), encoding="utf-8")
    with pytest.raises(EvaluationError, match=r"Line 1 of .* or a file that is no name"):
        index_list(tmp_path)


def test_damaged_results_are_told(tmp_path: Path) -> None:
    (tmp_path / "s.jsonl").write_text('{"key": "a", "utmos": 3.0}\n', encoding="utf-8")
    results_of_versa({"one": tmp_path / "s.jsonl"}, "s", tmp_path).save(tmp_path)
    good = {path.name: path.read_text("utf-8") for path in tmp_path.glob("*.json*")}
    plain = json.loads(good["results.json"])
    Results.load(tmp_path)
    for name, text in (
        ("results.json", DEEP),
        ("results.json", "[]"),
        ("results.json", json.dumps({"protocol": "x"})),
        ("results.json", json.dumps(plain | {"more": 1})),
        ("results.json", json.dumps(plain | {"columns": 3})),
        ("results.json", json.dumps(plain | {"tables": [{}]})),
        ("results.json", json.dumps(plain | {"about": {}})),
        # a report makes pictures of these names
        ("results.json", json.dumps(plain | {"tables": [plain["tables"][0] | {"list": "../../s"}]})),
        ("utterances.jsonl", good["utterances.jsonl"].replace('"system": "one"', '"system": "a/b"')),
        ("utterances.jsonl", good["utterances.jsonl"].replace('"id": "a"', '"id": ".."')),
        ("utterances.jsonl", "5\n"),
        ("utterances.jsonl", '{"list": "s", "system": "one"}\n'),
        ("times.json", "{}"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
        with pytest.raises(EvaluationError, match="has no results that can be read") as told:
            Results.load(tmp_path)
        assert "Results" not in str(told.value)  # no word of ours that only a programmer knows
        (tmp_path / name).write_text(good[name], encoding="utf-8")
    Results.load(tmp_path)


def test_records_of_another_version_and_recordings_that_are_gone_are_told(tmp_path: Path, lines: Path) -> None:
    run(tmp_path, lines, "x=recordings", scorers=())
    chunk = tmp_path / "spoken/x/speech/0000.json"
    good = chunk.read_text("utf-8")
    records = json.loads(good)
    for changed in ([5], [{"id": "line0"}], {"line0": 1}, [{"error": None}]):
        chunk.write_text(json.dumps(records | {"records": changed}), encoding="utf-8")
        with pytest.raises(EvaluationError, match=r"0000\.json is damaged: .* Delete it"):
            run(tmp_path, lines, "x=recordings", scorers=())
    chunk.write_text(good, encoding="utf-8")
    results = run(tmp_path, lines, "x=recordings", scorers=("level",))
    results.save(tmp_path)
    (tmp_path / "spoken/x/audio/line0.flac").unlink()
    # what was measured stays measured, and its report can be written anew
    assert run(tmp_path, lines, "x=recordings", scorers=("level",)).tables == results.tables
    write_report(Results.load(tmp_path), tmp_path)
    with pytest.raises(EvaluationError, match=r"'line0' is gone or damaged since it was made: .* --restart"):
        run(tmp_path, lines, "x=recordings", scorers=("band_energy",))
