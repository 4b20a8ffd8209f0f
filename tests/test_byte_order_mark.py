"""What editors of Windows write before UTF-8 is none of a file's text, in whatever list or settings."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from glmtts.config import read_json, read_toml
from glmtts.data.manifest import Manifest, read_manifest
from glmtts.data.pipeline.inputs import list_inputs
from glmtts.eval.results import RESULTS, TIMES, UTTERANCES, Results
from glmtts.eval.text.cases import read_cases
from glmtts.eval.versa import read_scores
from glmtts.rl.prompts import read_lines
from glmtts.text.pronunciations import read_file

MARK = b"\xef\xbb\xbf"


def inputs(path: Path) -> list[str]:
    """The recordings that a manifest of the data pipeline names."""
    return [one.path for one in list_inputs(path.parent, path)]


def results(path: Path) -> dict[str, Any]:
    """Results whose files all begin like this one."""
    values: dict[str, Any] = dict.fromkeys(("protocol", "title", "source"), "a") | {"columns": [], "tables": []}
    mark = MARK if path.read_bytes().startswith(MARK) else b""
    line = dict.fromkeys(("list", "system", "id", "text"), "a") | {"error": None, "labels": {}, "values": {}}
    for name, plain in (
        (RESULTS, values | {"about": {"lists": {}, "systems": {}}}),
        (UTTERANCES, line),
        (TIMES, []),
    ):
        (path.parent / name).write_bytes(mark + json.dumps(plain).encode())
    return vars(Results.load(path.parent))


@pytest.mark.parametrize(
    ("name", "text", "read"),
    [
        ("list.jsonl", '{"path": "a.wav"}\n\n{"path": "b.wav"}\n', inputs),
        (
            "dataset.json",
            json.dumps(Manifest(name="a").model_dump(mode="json")),
            lambda path: read_manifest(path.parent),
        ),
        ("texts.jsonl", '{"text": "one", "lang": "en"}\n', read_lines),
        ("texts.tsv", "en\tone\n", read_lines),
        ("words.jsonl", '{"行长": "hang2 zhang3"}\n', read_file),
        ("words.toml", '"行长" = "hang2 zhang3"\n', read_file),
        ("run.toml", "seed = 1\n", read_toml),
        ("run.json", '{"seed": 1}', read_json),
        ("scores.txt", '{"key": "a", "utmos": 3.0}\n', read_scores),
        ("cases.tsv", "en\tdate\t5\tfive\n", read_cases),
        ("any.json", "", results),
    ],
)
def test_a_mark_before_the_text_changes_nothing(
    tmp_path: Path, name: str, text: str, read: Callable[[Path], Any]
) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode())
    plain = read(path)
    path.write_bytes(MARK + text.encode())
    assert read(path) == plain
