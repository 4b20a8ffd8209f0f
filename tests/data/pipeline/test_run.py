"""A whole run: every sample is accounted for, and any way to the end ends in the same bytes."""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from glmtts import durable
from glmtts.data import Dataset, SourceConfig
from glmtts.data.pipeline.publish import Window, _published, publish
from glmtts.data.pipeline.report import as_text, summed, write_report
from glmtts.data.pipeline.runner import run_pipeline
from glmtts.data.pipeline.tables import read_rows
from glmtts.errors import ConfigError, DataError
from tests.data.made_up import few_open_files, write
from tests.data.pipeline.corpora import MADE, STAGES, configured, hashes, noise, odd_corpus


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus of odd lengths and a run over it."""
    folder = tmp_path_factory.mktemp("pipeline")
    odd_corpus(folder / "raw")
    config = configured(folder)
    write_report(config, summed(config, run_pipeline(config)))
    return folder


def tables(output: Path, kind: str) -> list[dict]:
    return [row for path in sorted((output / kind).glob("*.parquet")) for row in read_rows(path)]


def test_every_sample_is_kept_or_dropped_once(finished: Path) -> None:
    decisions, sources = tables(finished / "out", "manifest"), tables(finished / "out", "sources")
    assert len(sources) == 6
    for source in sources:
        final = [row for row in decisions if row["source"] == source["source"]]
        covered = np.zeros(source["samples"], dtype=int)
        for row in final:
            if not row["kept"] or row["stage"] == "shards":
                covered[row["start"] : row["end"]] += 1
        assert (covered == 1).all()
        assert source["kept"] + source["dropped"] == source["samples"]
    assert {row["reason"] for row in decisions if not row["kept"]} == {"odd", "even", "too short"}


def test_the_shards_hold_what_the_manifest_says(finished: Path) -> None:
    dataset = Dataset.open([SourceConfig(path=finished / "out/shards")], ["wave", "level", "frames"])
    dataset.verify()
    kept = {row["clip"]: row for row in tables(finished / "out", "manifest") if row["stage"] == "shards"}
    seen = set()
    for shard in (dataset.shard(0, number) for number in range(len(dataset.manifests[0].shards))):
        for place in range(len(shard)):
            utterance, wave = shard.utterance(place), shard.get(place, "wave")
            row = kept[utterance.id]
            assert wave.dtype == np.int16
            assert len(wave) == row["end"] - row["start"]
            assert utterance.extra["spans"] == [[row["start"], row["end"]]]
            seen.add(utterance.id)
    assert seen == set(kept)


def test_a_finished_run_does_nothing_more_and_takes_new_files(finished: Path, tmp_path: Path) -> None:
    odd_corpus(tmp_path / "raw", 4)
    run_pipeline(configured(tmp_path))
    before = hashes(tmp_path / "out", "shards", "manifest", "sources")
    run_pipeline(configured(tmp_path))
    assert hashes(tmp_path / "out", "shards", "manifest", "sources") == before
    (tmp_path / "raw/0_new.wav").write_bytes((finished / "raw/05a.wav").read_bytes())
    records = run_pipeline(configured(tmp_path))
    after = hashes(tmp_path / "out", "shards", "manifest", "sources")
    changed = {path for path in before if after[path] != before[path]}
    assert changed == {"shards/dataset.json"}
    assert [record["last"] for record in records][-1] == 5


def test_other_settings_do_not_go_on_in_an_output(finished: Path) -> None:
    with pytest.raises(ConfigError, match=r"other settings.*stage"):
        run_pipeline(configured(finished, stage=({"name": "length"},)))
    run_pipeline(configured(finished, engine={"window_hours": 4 / 3600, "workers": 3}))  # the same work on more


@pytest.mark.skipif(sys.platform != "linux", reason="needs a fork that survives threads")
def test_killed_at_every_write_it_ends_in_the_same_bytes(finished: Path, tmp_path: Path) -> None:
    """A process is killed at its 1st, 3rd, 5th … flush to the disk, again and again, until one comes through."""
    config = configured(finished, str(tmp_path / "out"))
    kills = 0
    while _killed_after(2 * kills + 1, lambda: run_pipeline(config)):
        kills += 1
    assert kills >= 10
    assert hashes(tmp_path / "out") == hashes(finished / "out")


def _killed_after(writes: int, work: Callable[[], object]) -> bool:
    """Whether a process that dies at its so-manieth `durable.sync` was killed before its work was done."""
    child = os.fork()
    if child == 0:
        left, sync = [writes], durable.sync

        def counted(path: Path) -> None:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            sync(path)

        durable.sync = counted
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def test_two_processes_give_the_same_as_one(finished: Path, tmp_path: Path) -> None:
    engine = {"window_hours": 4 / 3600, "workers": 2}
    run_pipeline(configured(finished, str(tmp_path / "out"), engine=engine))
    assert hashes(tmp_path / "out") == hashes(finished / "out")


def test_a_ledger_that_does_not_add_up_publishes_nothing(tmp_path: Path) -> None:
    import soundfile

    from glmtts.data.pipeline.engines.local import LocalEngine
    from glmtts.data.pipeline.plan import plan
    from glmtts.data.pipeline.runner import _read_window
    from glmtts.data.pipeline.store import listing

    (tmp_path / "raw").mkdir()
    soundfile.write(tmp_path / "raw/a.wav", noise(3, 16000), 16000)
    config = configured(tmp_path)
    engine = LocalEngine(config)
    given = _read_window(config, engine, listing(config), 0, lambda *_: None)
    units = plan(given, tmp_path / "out/work", config.standardise)
    list(engine.process(0, units))
    lacking = Window(0, 0, 1, tuple(given), tuple(units[1:]), 0)
    with pytest.raises(DataError, match="does not add up"):
        publish(config, lacking)
    assert not (tmp_path / "out/shards").exists()
    assert not (tmp_path / "out/windows").exists()


def test_a_stage_that_loses_samples_stops_the_run(finished: Path, tmp_path: Path) -> None:
    stages = ({"name": "length"}, {"name": f"{MADE}:LosingStage"})
    with pytest.raises(DataError, match=r"LosingStage.*1 samples are missing"):
        run_pipeline(configured(finished, str(tmp_path / "out"), stage=stages))


def test_the_report_counts_seconds_by_stage_and_reason(finished: Path) -> None:
    config = configured(finished)
    report = summed(config, run_pipeline(config))
    assert report.kept + report.dropped == pytest.approx(report.seconds)
    assert "PiecesStage: odd" in as_text(report)
    values = json.loads((finished / "out/report.json").read_text())
    assert values["bottleneck"] in {"standardise", "PiecesStage", "length", "LevelStage"}
    lines = (finished / "out/report.csv").read_text().splitlines()
    assert len(lines) == 7
    page = (finished / "out/index.html").read_text()
    heard = json.loads((finished / "out/samples/index.json").read_text())
    assert {row["reason"] for row in heard} == {"", "odd", "even", "too short"}
    for row in heard:
        assert f"samples/{row['file']}" in page
        assert (finished / "out/samples" / row["file"]).is_file()


def test_a_full_disk_costs_one_sentence(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync, left = durable.sync, [7]

    def full(path: Path) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        sync(path)

    config = configured(finished, str(tmp_path / "out"))
    with monkeypatch.context() as patched:
        patched.setattr(durable, "sync", full)
        with pytest.raises(DataError, match=r"No space left on device. Free some space and run again"):
            run_pipeline(config)
    run_pipeline(config)
    assert hashes(tmp_path / "out") == hashes(finished / "out")


def test_a_stage_that_fails_on_some_clips_stops_the_run_or_drops_them(finished: Path, tmp_path: Path) -> None:
    stages = (STAGES[0], {"name": f"{MADE}:BrittleStage"})
    with pytest.raises(DataError, match=r"'BrittleStage' failed on .*RuntimeError: an odd clip.*on_error"):
        run_pipeline(configured(finished, str(tmp_path / "stop"), stage=stages))
    stages = (STAGES[0], {"name": f"{MADE}:BrittleStage", "on_error": "drop"})
    config = configured(finished, str(tmp_path / "drop"), stage=stages)
    report = summed(config, run_pipeline(config))
    assert report.drops["BrittleStage"]["the stage failed"] > 0
    assert report.kept + report.dropped == pytest.approx(report.seconds)
    rows = [row for row in tables(tmp_path / "drop", "manifest") if row["stage"] == "shards"]
    assert rows
    assert all(row["start"] % 2 == 0 for row in rows)


def test_more_shards_are_compared_than_files_may_be_open(tmp_path: Path) -> None:
    folder = write(tmp_path / "shards", [2.0] * 24, shard_seconds=1)
    with few_open_files(12):
        assert _published(folder, 4) == [f"u{number}" for number in range(4, 24)]
