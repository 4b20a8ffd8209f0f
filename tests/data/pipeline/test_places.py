"""Where a run reads and writes: it never reads nor removes what it should not, and misses nothing in silence."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import soundfile

from glmtts.data import Dataset, SourceConfig
from glmtts.data.pipeline import runner
from glmtts.data.pipeline.alone import run_alone
from glmtts.data.pipeline.config import OWN, load_pipeline
from glmtts.data.pipeline.inputs import list_inputs
from glmtts.data.pipeline.runner import run_and_report, run_pipeline
from glmtts.data.pipeline.stage import create_stage
from glmtts.data.pipeline.store import owned
from glmtts.data.pipeline.tables import read_rows
from glmtts.errors import ConfigError, DataError
from tests.data.pipeline.corpora import configured, noise
from tests.data.pipeline.test_again import killed_at

LENGTH = ({"name": "length", "options": {"min_seconds": 0.1}},)


def recorded(folder: Path, *names: str) -> Path:
    for seed, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, noise(0.5, 16000, seed=seed), 16000)
    return folder


def run(folder: Path, **sections: Any) -> list[dict[str, Any]]:
    return run_pipeline(configured(folder, stage=LENGTH, **sections))


def sources(folder: Path) -> dict[str, str]:
    """What became of each file, by path."""
    rows = [row for path in sorted((folder / "out/sources").glob("*")) for row in read_rows(path)]
    return {row["path"]: row["refused"] for row in rows}


@pytest.mark.parametrize("output", ["raw/out", "raw/a/b/out", "raw", "link/out"])
def test_a_run_does_not_eat_its_own_output(tmp_path: Path, output: str) -> None:
    recorded(tmp_path / "raw", "a.wav")
    (tmp_path / "link").symlink_to(tmp_path / "raw")
    (tmp_path / "run.toml").write_text(f'[run]\ninput = "raw"\noutput = "{output}"\n')
    for start in (lambda: load_pipeline(tmp_path / "run.toml"), lambda: run_pipeline(configured(tmp_path, output))):
        with pytest.raises(ConfigError, match=r"lies in the folder of the recordings.*Give an output beside it"):
            start()
    with pytest.raises(ConfigError, match="lies in the folder of the recordings"):
        run_alone(create_stage("length"), tmp_path / "raw", tmp_path / output)
    # with a manifest nothing is taken that it does not name
    (tmp_path / "list.jsonl").write_text('{"path": "a.wav"}\n')
    values = {"input": tmp_path / "raw", "output": tmp_path / output, "manifest": tmp_path / "list.jsonl"}
    for _ in range(2):
        assert len(run(tmp_path, run=values)) == 1


@pytest.mark.parametrize("name", OWN)
def test_recordings_where_the_output_removes_its_own_are_refused(tmp_path: Path, name: str) -> None:
    folder = recorded(tmp_path / name, "a.flac")
    for source in (folder, folder / "deeper"):
        source.mkdir(exist_ok=True)
        with pytest.raises(ConfigError, match=f"its own '{name}', and would be removed"):
            run(tmp_path, run={"input": source, "output": tmp_path})
    assert (folder / "a.flac").exists()
    recorded(tmp_path / "raw", "a.wav")
    with pytest.raises(ConfigError, match=f"holds '{name}', which a run would replace"):
        run(tmp_path, run={"input": tmp_path / "raw", "output": tmp_path})
    assert (folder / "a.flac").exists()


def closed(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """As it is for a user who may not open folders of these names; tests may run as root."""
    scan = os.scandir

    def scandir(path: Any) -> Any:
        if not isinstance(path, int) and Path(path).name in names:
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)


def test_a_folder_that_cannot_be_opened_is_reported_and_read_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(tmp_path / "raw", "a.wav", "sub/b.wav", "sub/deep/c.wav")
    with monkeypatch.context() as patched:
        closed(patched, "deep")
        run(tmp_path)
        assert sources(tmp_path)["sub/deep"] == "folder cannot be opened: Permission denied"
        assert not sources(tmp_path)["sub/b.wav"]
    run(tmp_path)
    assert not sources(tmp_path)["sub/deep/c.wav"]
    with monkeypatch.context() as patched:
        closed(patched, "raw")
        with pytest.raises(DataError, match="raw cannot be read: Permission denied"):
            list_inputs(tmp_path / "raw")


def test_a_file_that_was_missing_is_read_when_it_is_there(tmp_path: Path) -> None:
    recorded(tmp_path / "raw", "a.wav")
    (tmp_path / "list.jsonl").write_text('{"path": "a.wav"}\n{"path": "b.wav", "labels": {"speaker": "b"}}\n')
    values = {"input": tmp_path / "raw", "output": tmp_path / "out", "manifest": tmp_path / "list.jsonl"}
    for _ in range(2):
        run(tmp_path, run=values)
        assert sources(tmp_path) == {"a.wav": "", "b.wav": "no such file"}
    soundfile.write(tmp_path / "raw/b.wav", noise(0.7, 16000, seed=5), 16000)
    for _ in range(2):
        records = run(tmp_path, run=values)
        assert sources(tmp_path) == {"a.wav": "", "b.wav": ""}
        assert [record["last"] for record in records] == [2, 3]


def test_another_input_is_not_the_one_that_was_read(tmp_path: Path) -> None:
    for name in ("raw", "other"):
        recorded(tmp_path / name, "a.wav")
    run(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path / "raw")
    for name in ("raw", "again", "other/../raw"):  # the same folder by other names
        run(tmp_path, run={"input": tmp_path / name, "output": tmp_path / "out"})
    with pytest.raises(ConfigError, match=r"was begun with the recordings in .*raw, not .*other.*correct \"input\" in"):
        run(tmp_path, run={"input": tmp_path / "other", "output": tmp_path / "out"})
    path = tmp_path / "out/pipeline.json"
    moved = {**json.loads(path.read_text()), "input": str(tmp_path / "other")}
    path.write_text(json.dumps(moved))
    run(tmp_path, run={"input": tmp_path / "other", "output": tmp_path / "out"})
    del moved["input"]  # as earlier versions wrote it
    path.write_text(json.dumps(moved))
    run(tmp_path)


def test_damaged_lists_of_an_output_cost_one_sentence(tmp_path: Path) -> None:
    recorded(tmp_path / "raw", "a.wav")
    run(tmp_path)
    for text in ('{"path": 1', '{"way": "a"}', "3"):
        (tmp_path / "out/listing.jsonl").write_text(text)
        with pytest.raises(DataError, match=r"listing\.jsonl is damaged"):
            run(tmp_path)
    (tmp_path / "out/pipeline.json").write_text("[]")
    with pytest.raises(ConfigError, match=r"pipeline.json is not what a run wrote"):
        run(tmp_path)


def test_what_a_killed_run_was_writing_is_removed(tmp_path: Path) -> None:
    left = [
        tmp_path / "out" / name / ".000000.parquet.ab12cd34.part" for name in ("", "manifest", "windows", "samples")
    ]
    others = [tmp_path / "out/.hidden", tmp_path / "out/notes.part", tmp_path / "out/mine/.a.part"]
    for path in [*left, *others]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    with owned(tmp_path / "out"):
        assert not any(path.exists() for path in left)
        assert all(path.exists() for path in others)
        left[0].write_text("of the run that has it")
        with pytest.raises(DataError, match="Another run works in"), owned(tmp_path / "out"):
            pass
        assert left[0].exists()


def test_labels_that_no_text_can_hold_are_refused_with_their_line(tmp_path: Path) -> None:
    recorded(tmp_path / "raw", "a.wav")
    (tmp_path / "list.jsonl").write_text('{"path": "a.wav"}\n{"path": "b.wav", "labels": {"text": "\\ud800"}}\n')
    with pytest.raises(DataError, match="line 2, is not"):
        list_inputs(tmp_path / "raw", tmp_path / "list.jsonl")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_an_output_whose_name_is_not_utf8_takes_everything(tmp_path: Path) -> None:
    recorded(tmp_path / "raw", "a.wav", "b.wav")
    output = Path(os.fsdecode(os.fsencode(tmp_path) + b"/out\xff"))
    report = run_and_report(configured(tmp_path, run={"input": tmp_path / "raw", "output": output}, stage=LENGTH))
    assert report.kept == 1.0 and {"report.csv", "index.html", "report.json"} <= {one.name for one in output.iterdir()}
    dataset = Dataset.open([SourceConfig(path=output / "shards")], ["wave"])
    assert sum(one.seconds for one in dataset.utterances()) == 1.0 and dataset.verify() == 2


@pytest.mark.parametrize("name", ["work/thesis.txt", "samples/my.flac", "report.json", "index.html", "listing.jsonl"])
def test_what_no_run_has_written_is_kept(tmp_path: Path, name: str) -> None:
    recorded(tmp_path / "raw", "a.wav")
    mine = tmp_path / "out" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(ConfigError, match=rf"is no output of a run and holds '{name.partition('/')[0]}'"):
        run(tmp_path)
    assert mine.read_text() == "mine"
    mine.unlink()
    assert len(run(tmp_path)) == 1


def test_a_stage_alone_replaces_nothing_but_its_own(tmp_path: Path) -> None:
    recorded(tmp_path / "raw", "a.wav")
    out = tmp_path / "out"
    out.mkdir()
    (out / "decisions.jsonl").write_text('{"verdict": "mine"}\n')
    with pytest.raises(DataError, match="is no file of an earlier try"):
        run_alone(create_stage("length"), tmp_path / "raw", out)
    (out / "decisions.jsonl").unlink()
    for _ in range(2):
        run_alone(create_stage("length"), tmp_path / "raw", out)
    before = sorted(path.name for path in out.iterdir())
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="holds no files"):
        run_alone(create_stage("length"), tmp_path / "none", out)
    assert sorted(path.name for path in out.iterdir()) == before


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such pipes")
def test_what_has_changed_since_it_was_listed_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe would be waited for without end, and a link may leave the folder by now."""
    recorded(tmp_path / "raw", "a.wav", "b.wav", "c.wav")
    recorded(tmp_path / "secret", "s.wav")
    killed_at(monkeypatch, runner, "_read_window", lambda: run(tmp_path))
    for name in ("b.wav", "c.wav"):
        (tmp_path / "raw" / name).unlink()
    os.mkfifo(tmp_path / "raw" / "b.wav")
    (tmp_path / "raw" / "c.wav").symlink_to(tmp_path / "secret" / "s.wav")
    run(tmp_path)
    assert sources(tmp_path) == {"a.wav": "", "b.wav": "not a regular file", "c.wav": "leaves the input folder"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"path": "a.wav", "labels": {"text": "right"}}', "says something else of a.wav"),
        ('{"path": "b.wav"}', "no longer names a.wav"),
    ],
)
def test_a_manifest_that_has_changed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, said: str
) -> None:
    recorded(tmp_path / "raw", "a.wav", "b.wav")
    manifest = tmp_path / "list.jsonl"
    manifest.write_text('{"path": "a.wav", "labels": {"text": "WRONG"}}\n')
    values = {"input": tmp_path / "raw", "output": tmp_path / "out", "manifest": manifest}
    killed_at(monkeypatch, runner, "_read_window", lambda: run(tmp_path, run=values))
    manifest.write_text(line + "\n")
    with pytest.raises(ConfigError, match=said):
        run(tmp_path, run=values)
    manifest.write_text('{"path": "a.wav", "labels": {"text": "WRONG"}}\n{"path": "b.wav"}\n')
    run(tmp_path, run=values)
    assert set(sources(tmp_path)) == {"a.wav", "b.wav"}


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ('{"text": {"a": 1}}', "text, speaker and language as text"),
        ('{"speaker": 5}', "text, speaker and language as text"),
        ('{"language": ["en"]}', "text, speaker and language as text"),
        ('{"language": "klingon"}', "has the language 'klingon'"),
        (f'{{"note": {"[" * 70}{"]" * 70}}}', "list.jsonl, line 1"),
    ],
)
def test_labels_that_no_dataset_holds_are_told_by_their_line(tmp_path: Path, labels: str, said: str) -> None:
    recorded(tmp_path / "raw", "a.wav")
    (tmp_path / "list.jsonl").write_text(f'{{"path": "a.wav", "labels": {labels}}}\n')
    with pytest.raises(DataError, match=said):
        list_inputs(tmp_path / "raw", tmp_path / "list.jsonl")
