"""An output that was damaged, or of which something is gone: one sentence, and never a run that says it is complete."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from glmtts.data.pipeline.runner import run_and_report
from glmtts.data.pipeline.samples import LONGEST_TEXT, read_index
from glmtts.data.pipeline.standardise import read_standardised
from glmtts.errors import DataError, GlmTtsError
from tests.data.pipeline.corpora import configured, odd_corpus


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with recordings, and the output of a finished run over two windows and several shards."""
    folder = tmp_path_factory.mktemp("finished")
    odd_corpus(folder / "raw", 6)
    run_and_report(configured(folder))
    assert len(list((folder / "out/windows").iterdir())) > 1
    return folder


def again(finished: Path, place: Path, change: Callable[[Path], object], name: str) -> None:
    """The same run in a copy of the output that was changed."""
    shutil.copytree(finished / "out", place / "out")
    change(place / "out" / name)
    values = {"input": finished / "raw", "output": place / "out", "sample_rate": 24000}
    run_and_report(configured(finished, run=values))


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def fewer(path: Path) -> None:
    values = json.loads(path.read_text())
    path.write_text(json.dumps(values | {"shards": values["shards"][:-1]}))


@pytest.mark.parametrize(
    ("change", "name", "said"),
    [
        (remove, "shards", "dataset.json is gone"),
        (remove, "shards/dataset.json", "dataset.json is gone"),
        (fewer, "shards/dataset.json", "A shard of .*shards is gone"),
        (remove, "sources", "000000.parquet is gone"),
        (remove, "sources/000001.parquet", "000001.parquet is gone"),
        (remove, "manifest/000000.parquet", "000000.parquet is gone"),
    ],
)
def test_what_is_gone_is_told(
    finished: Path, tmp_path: Path, change: Callable[[Path], object], name: str, said: str
) -> None:
    with pytest.raises(DataError, match=rf"{said}, and a run does not make again what it finished\. Restore"):
        again(finished, tmp_path, change, name)


def test_a_shard_that_is_gone_is_told(finished: Path, tmp_path: Path) -> None:
    folder = json.loads((finished / "out/shards/dataset.json").read_text())["shards"][0]["folder"]
    with pytest.raises(DataError, match=f"{folder} is gone"):
        again(finished, tmp_path, remove, f"shards/{folder}")


def test_what_a_run_replaces_may_go(finished: Path, tmp_path: Path) -> None:
    """Samples, reports and the work of windows that are done."""
    for number, name in enumerate(("samples", "report.json", "report.csv", "index.html")):
        again(finished, tmp_path / str(number), remove, name)
        assert (tmp_path / str(number) / "out/index.html").exists()


WINDOW, SAMPLES, LISTING = "windows/000001.json", "samples/index.json", "listing.jsonl"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (WINDOW, "{}"),
        (WINDOW, "[]"),
        (WINDOW, "5"),
        (WINDOW, ""),
        (WINDOW, "{"),
        (SAMPLES, "{}"),
        (SAMPLES, '[{"a": 1}]'),
        (SAMPLES, "[5]"),
        (SAMPLES, "["),
        (LISTING, "{}"),
        (LISTING, '{"path": 5}'),
        (LISTING, '{"path": "a", "labels": []}'),
        ("sources/000000.parquet", "x"),
        ("sources/000000.parquet", ""),
    ],
)
def test_a_damaged_file_is_told(finished: Path, tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(GlmTtsError, match=name) as told:
        again(finished, tmp_path, lambda path: path.write_text(text), name)
    assert str(told.value).count(". ") >= 1  # what to do


@pytest.mark.parametrize(
    "change",
    [
        {"last": None},
        {"last": "3"},
        {"first": 7},
        {"window": 4},
        {"sources": [5]},
        {"drops": {"a": 5}},
        {"refused": []},
        {"unread": [5]},
        {"costs": {"length": {"sound": 1.0}}},
    ],
)
def test_a_record_of_a_window_is_held_to_what_is_looked_up(finished: Path, tmp_path: Path, change: dict) -> None:
    def damage(path: Path) -> None:
        path.write_text(json.dumps(json.loads(path.read_text()) | change))

    with pytest.raises(DataError, match=rf"{WINDOW} is damaged\. Restore it from a copy"):
        again(finished, tmp_path, damage, WINDOW)


def test_another_table_is_no_ledger(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"000000\.parquet has other columns than a run writes"):
        again(finished, tmp_path, lambda path: pq.write_table(pa.table({"a": [1]}), path), "sources/000000.parquet")


def test_damaged_facts_of_a_recording_are_told(tmp_path: Path) -> None:
    for text in ("{}", "[]", '{"source": {}, "lost": []}', '{"source": 5, "lost": [1]}'):
        (tmp_path / "0.json").write_text(text)
        with pytest.raises(DataError, match=r"0\.json is damaged\. Delete .* and run again"):
            read_standardised(tmp_path / "0.json")


def test_texts_of_any_length_do_not_make_an_output_unusable(tmp_path: Path) -> None:
    """More than the 8 MiB that a file of JSON may usually have."""
    odd_corpus(tmp_path / "raw", 4)
    rows = [{"path": path.name, "labels": {"text": "字" * 340_000}} for path in (tmp_path / "raw").iterdir()]
    (tmp_path / "list.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
    values = {"input": tmp_path / "raw", "output": tmp_path / "out", "manifest": tmp_path / "list.jsonl"}
    config = configured(tmp_path, run=values, stage=({"name": "length", "options": {"min_seconds": 2}},))
    run_and_report(config)
    heard = read_index(tmp_path / "out")
    assert {row["text"] for row in heard} == {"字" * LONGEST_TEXT + "…"} and len(heard) > 1
    # what an earlier version left: the texts whole
    long = [row | {"text": "字" * 3_000_000} for row in heard]
    (tmp_path / "out/samples/index.json").write_text(json.dumps(long, ensure_ascii=False))
    run_and_report(config)
