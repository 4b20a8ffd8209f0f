"""What a run left undone is done by the next one, and nothing twice: kills, files that come, change, or are away."""

import hashlib
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

from glmtts.data import Dataset, SourceConfig
from glmtts.data.pipeline import decode, publish, runner, standardise
from glmtts.data.pipeline.inputs import list_inputs
from glmtts.data.pipeline.runner import run_pipeline
from glmtts.data.pipeline.store import known_listing, owned
from glmtts.errors import DataError
from tests.data.pipeline.corpora import configured, hashes, noise, odd_corpus


class Killed(BaseException):
    """The end of a process, as far as its files are concerned."""


def killed_at(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, run: Callable[[], object]) -> None:
    """A run that ends where it would call something."""

    def end(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(module, name, end)
        with pytest.raises(Killed):
            run()


def ids(output: Path) -> list[str]:
    return [one.id for one in Dataset.open([SourceConfig(path=output / "shards")]).utterances()]


def unread(output: Path) -> dict[str, int]:
    """Files that were not read, by reason, in all windows."""
    from glmtts.data.pipeline.store import window_records

    sums: dict[str, int] = {}
    for record in window_records(output):
        for reason, count in record["refused"].items():
            sums[reason] = sums.get(reason, 0) + count
    return sums


@pytest.mark.parametrize(("module", "name"), [(runner, "publish"), (publish, "write_sources")])
def test_files_that_come_after_a_kill_wait_for_the_next_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    """With them, the last unit of the window would hold other pieces than the one that is finished."""
    odd_corpus(tmp_path / "raw", 4)
    config = configured(tmp_path, engine={})
    killed_at(monkeypatch, module, name, lambda: run_pipeline(config))
    soundfile.write(tmp_path / "raw/99.wav", noise(0.3, 24000, seed=77), 24000)
    records = run_pipeline(config)
    assert [(record["first"], record["last"]) for record in records] == [(0, 4), (4, 5)]
    assert len(set(ids(tmp_path / "out"))) == len(ids(tmp_path / "out")) == sum(r["utterances"] for r in records)
    # as two runs would have made it of which none was killed
    (tmp_path / "raw/99.wav").rename(tmp_path / "99.wav")
    run_pipeline(configured(tmp_path, "whole", engine={}))
    (tmp_path / "99.wav").rename(tmp_path / "raw/99.wav")
    run_pipeline(configured(tmp_path, "whole", engine={}))
    assert hashes(tmp_path / "out") == hashes(tmp_path / "whole")


def test_a_share_that_was_away_is_read_when_it_is_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd_corpus(tmp_path / "raw/share", 3)
    digest = standardise._digest

    def away(path: Path) -> str:
        shutil.move(tmp_path / "raw/share", tmp_path / "away")
        monkeypatch.setattr(standardise, "_digest", digest)
        return digest(path)

    monkeypatch.setattr(standardise, "_digest", away)
    (record,) = run_pipeline(configured(tmp_path, engine={}))
    assert record["refused"] == {"cannot be read: No such file or directory": 3}
    shutil.move(tmp_path / "away", tmp_path / "raw/share")  # unchanged, to the nanosecond
    for _ in range(2):
        records = run_pipeline(configured(tmp_path, engine={}))
        assert [record["last"] for record in records] == [3, 6]
    shutil.rmtree(tmp_path / "raw")
    with pytest.raises(DataError, match="raw is no folder"):
        run_pipeline(configured(tmp_path, engine={}))


def test_a_folder_that_is_away_does_not_count_as_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd_corpus(tmp_path / "raw", 2)
    config = configured(tmp_path, engine={})
    killed_at(monkeypatch, runner, "_read_window", lambda: run_pipeline(config))
    (tmp_path / "raw").rename(tmp_path / "away")
    with pytest.raises(DataError, match="raw is no folder"):
        run_pipeline(config)
    assert not (tmp_path / "out/windows").exists()


def test_a_file_that_grows_is_read_when_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd_corpus(tmp_path / "raw", 2)
    whole = soundfile.read(tmp_path / "raw/01b.flac")
    growing, digest = tmp_path / "raw/01b.flac", standardise._digest

    def grows(path: Path) -> str:
        found = digest(path)
        if path == growing and path.stat().st_size < 100_000:
            soundfile.write(growing, noise(9, 8000), 8000)
        return found

    monkeypatch.setattr(standardise, "_digest", grows)
    (record,) = run_pipeline(configured(tmp_path, engine={}))
    assert record["refused"] == {"changed while it was read": 1}
    for _ in range(2):
        records = run_pipeline(configured(tmp_path, engine={}))
        assert [one["last"] for one in records] == [2, 3]
    # a source's name is that of the bytes that were decoded
    assert records[1]["sources"] == [hashlib.sha256(growing.read_bytes()).hexdigest()[:16]]
    assert records[1]["samples"] == 9 * 24000
    soundfile.write(growing, *whole)  # what was read is not read again
    assert len(run_pipeline(configured(tmp_path, engine={}))) == 2


def test_a_file_that_was_not_whole_is_read_when_it_has_changed(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/a.wav").touch()
    (tmp_path / "raw/b.wav").write_text("no sound")
    for _ in range(2):
        run_pipeline(configured(tmp_path))
        assert unread(tmp_path / "out") == {"empty file": 1, "not audio, or corrupt from the start": 1}
    soundfile.write(tmp_path / "raw/a.wav", noise(1, 24000), 24000)
    for _ in range(2):
        records = run_pipeline(configured(tmp_path))
        assert [(one["first"], one["last"], one["samples"]) for one in records] == [(0, 2, 0), (2, 3, 24000)]


def test_a_file_that_this_user_may_not_read_is_listed_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it is looked at again in each run, and not only once."""
    odd_corpus(tmp_path / "raw", 2)
    may = os.access
    closed = {"01b.flac"}
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name not in closed and may(path, mode))
    assert [one.refused for one in list_inputs(tmp_path / "raw")] == ["", "cannot be opened: Permission denied"]
    for _ in range(2):
        assert len(run_pipeline(configured(tmp_path))) == 1
    closed.clear()
    assert [record["last"] for record in run_pipeline(configured(tmp_path))] == [2, 3]


class Failing(io.FileIO):
    """A file on a disk that fails from some byte on."""

    def __init__(self, path: Path, whole: int) -> None:
        super().__init__(path)
        self.whole = whole

    def read(self, size: int | None = -1) -> Any:
        if self.tell() >= self.whole:
            raise OSError(5, "Input/output error")
        return super().read(size)


@pytest.mark.parametrize("whole", [0, 150_000])
def test_a_disk_that_fails_is_no_fault_of_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: int
) -> None:
    (tmp_path / "raw").mkdir()
    soundfile.write(tmp_path / "raw/a.flac", noise(20, 24000), 24000)
    with monkeypatch.context() as patched:
        patched.setattr(decode.Path, "open", lambda path, *_, **__: Failing(path, whole))
        with (
            pytest.raises(DataError, match=r"^cannot be read: Input/output error$"),
            decode.Decoder(tmp_path / "raw/a.flac") as decoder,
        ):
            list(decoder.blocks())


def test_a_file_that_goes_before_its_end_is_no_fault_of_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd_corpus(tmp_path / "raw", 2)
    promised = standardise._promised

    def gone(path: Path) -> float:
        path.unlink(missing_ok=True)
        return promised(path)

    monkeypatch.setattr(standardise, "_promised", gone)
    (record,) = run_pipeline(configured(tmp_path, engine={}))
    assert record["refused"] == {"cannot be read: No such file or directory": 2}


def test_what_a_killed_run_was_standardising_is_removed(tmp_path: Path) -> None:
    left = [tmp_path / f"out/work/{name}/.0.wav.ab12cd_4.part" for name in ("wav", "units/000000")]
    for path in left:
        path.parent.mkdir(parents=True)
        path.write_text("half")
    with owned(tmp_path / "out"):
        assert not any(path.exists() for path in left)


@pytest.mark.parametrize(
    ("damage", "said"), [("units", "it is damaged"), ("wav", "it is missing, damaged or cut short")]
)
def test_what_was_damaged_between_two_runs_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str, said: str
) -> None:
    odd_corpus(tmp_path / "raw", 2)
    config = configured(tmp_path, engine={})
    killed_at(monkeypatch, runner, "publish", lambda: run_pipeline(config))
    work = tmp_path / "out/work"
    if damage == "wav":
        shutil.rmtree(work / "units")
    path = sorted((work / damage).rglob("*.safetensors" if damage == "units" else "*.wav"))[-1]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=rf"{path.name} cannot be read: {said}.*Delete .* and run again"):
        run_pipeline(config)
    shutil.rmtree(work)
    assert run_pipeline(config)[0]["kept"] > 0


def test_a_place_that_is_no_folder_needs_no_space(tmp_path: Path) -> None:
    odd_corpus(tmp_path / "raw", 1)
    (tmp_path / "out").touch()
    with pytest.raises(DataError, match=r"out cannot be written: File exists\. Let this user write there or give"):
        run_pipeline(configured(tmp_path))


def test_a_listing_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    odd_corpus(tmp_path / "raw", 1)
    run_pipeline(configured(tmp_path))
    path = tmp_path / "out/listing.jsonl"
    path.write_text('{"path": "00a.wav", "labels": {}, "refused": ""}\n')
    assert len(run_pipeline(configured(tmp_path))) == len(known_listing(configured(tmp_path))) == 1
