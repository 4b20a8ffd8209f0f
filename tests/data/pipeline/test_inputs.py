"""Inputs that are damaged, mislabelled or malicious are reported, and cost no more than themselves."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from glmtts.data.pipeline.inputs import list_inputs
from glmtts.data.pipeline.plan import read_wave
from glmtts.data.pipeline.runner import run_pipeline
from glmtts.data.pipeline.standardise import standardise, wav_path
from glmtts.data.pipeline.tables import read_rows
from glmtts.errors import DataError
from tests.data.pipeline.corpora import configured, noise
from tests.data.pipeline.hostile import HOSTILE, hostile_corpus

LENGTH = ({"name": "length", "options": {"min_seconds": 0.1}},)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The ledger's rows of a run over all of them, by path."""
    if sys.platform != "linux":
        pytest.skip("other systems cannot make pipes, links or such names")
    folder = tmp_path_factory.mktemp("hostile")
    hostile_corpus(folder)
    run_pipeline(configured(folder, stage=LENGTH, engine={}))
    rows = {row["path"]: row for row in read_rows(folder / "out/sources/000000.parquet")}
    assert len(rows) == len(HOSTILE) + 1
    return rows


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_inputs_are_reported(reported: dict[str, dict[str, Any]], name: str) -> None:
    said = HOSTILE[name][1]
    row = reported[os.fsencode(name).decode("utf-8", "surrogateescape").encode("utf-8", "backslashreplace").decode()]
    told = " ".join([row["refused"], row["note"], row["drops"]])
    assert said in told
    assert row["kept"] + row["dropped"] == row["samples"]
    read = ("cut short", "corrupt", "the first of 2 audio streams")
    assert bool(row["kept"]) == (not said or said in read or name == "nan.wav")


def test_good_recordings_beside_them_are_whole(reported: dict[str, dict[str, Any]]) -> None:
    assert reported["clean.wav"]["kept"] == reported["clean.wav"]["samples"] == round(1.234 * 24000)


def test_damage_costs_its_own_time_and_moves_nothing(tmp_path: Path) -> None:
    wave = noise(4, 24000).astype(np.float32)
    wave[30000:30010] = np.inf
    (tmp_path / "raw").mkdir()
    soundfile.write(tmp_path / "raw/a.wav", wave, 24000, subtype="FLOAT")
    (entry,) = list_inputs(tmp_path / "raw")
    done = standardise(tmp_path / "raw", entry, 0, tmp_path, 24000, 1)
    (lost,) = done.lost
    assert lost.start <= 30000 < 30010 <= lost.end
    assert lost.end - lost.start < 2 * 24000  # the block of about a second that holds it
    assert done.source.samples == len(wave)
    after = read_wave(wav_path(tmp_path, 0), lost.end, len(wave))
    assert np.array_equal(after, wave[lost.end :, 0])


def test_what_is_too_long_is_dropped_whole(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    soundfile.write(tmp_path / "raw/a.flac", np.zeros(60 * 8000), 8000)
    config = configured(tmp_path, stage=LENGTH, standardise={"max_hours": 20 / 3600})
    (record,) = run_pipeline(config)
    assert record["drops"] == {"standardise": {"longer than max_hours": record["samples"]}}
    assert record["samples"] < 25 * 24000


def test_a_manifest_names_recordings_and_what_is_known_of_them(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for name in ("a", "b"):
        soundfile.write(raw / f"{name}.wav", noise(1, 16000, seed=ord(name)), 16000)
    lines = [{"path": "b.wav", "labels": {"language": "zh", "text": "好"}}, {"path": "../../etc/passwd"}]
    (tmp_path / "list.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found = list_inputs(raw, tmp_path / "list.jsonl")
    assert [(one.path, one.refused) for one in found] == [("../../etc/passwd", found[0].refused), ("b.wav", "")]
    assert found[0].refused in ("leaves the input folder", "no such file")
    assert found[1].labels == {"language": "zh", "text": "好"}
    for bad in ('{"path": 1}', "[]", "{", '{"path": "a.wav", "extra": 1}', "[" * 9000):
        (tmp_path / "list.jsonl").write_text(bad)
        with pytest.raises(DataError, match="line 1, is not"):
            list_inputs(raw, tmp_path / "list.jsonl")
    (tmp_path / "list.jsonl").write_text('{"path": "a.wav"}\n' * 2)
    with pytest.raises(DataError, match=r"a.wav twice"):
        list_inputs(raw, tmp_path / "list.jsonl")
    (tmp_path / "list.jsonl").write_text("\n")
    run = {"input": raw, "output": tmp_path / "out", "manifest": tmp_path / "list.jsonl"}
    with pytest.raises(DataError, match=r"list\.jsonl names no recordings"):
        run_pipeline(configured(tmp_path, run=run, stage=LENGTH))


def test_a_long_recording_is_cut_where_it_is_quiet(tmp_path: Path) -> None:
    from glmtts.data.pipeline.config import StandardiseSection
    from glmtts.data.pipeline.plan import plan

    wave = noise(25, 24000, seed=3)[:, 0]
    for quiet in (8.5, 17.2):
        wave[int(quiet * 24000) : int((quiet + 0.3) * 24000)] = 0
    (tmp_path / "raw").mkdir()
    soundfile.write(tmp_path / "raw/a.wav", wave, 24000)
    (entry,) = list_inputs(tmp_path / "raw")
    done = standardise(tmp_path / "raw", entry, 0, tmp_path, 24000, 1)
    units = plan([(0, done)], tmp_path, StandardiseSection(block_seconds=10, search_seconds=3))
    ends = [piece.end / 24000 for unit in units for piece in unit.pieces]
    assert [8.5 < ends[0] < 8.8, 17.2 < ends[1] < 17.5, ends[2] == 25] == [True] * 3


def test_damage_that_a_parser_skips_is_found_by_time_stamps(tmp_path: Path) -> None:
    """A click train: what comes after the damage must still lie where it was."""
    wave = np.zeros(12 * 24000)
    wave[::12000] = 0.9
    wave += 1e-3 * np.random.default_rng(0).standard_normal(len(wave))  # else frames are a few bytes long
    (tmp_path / "raw").mkdir()
    path = tmp_path / "raw/a.flac"
    soundfile.write(path, wave, 24000)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + len(data) // 10] = np.random.default_rng(1).bytes(len(data) // 10)
    path.write_bytes(data)
    (entry,) = list_inputs(tmp_path / "raw")
    done = standardise(tmp_path / "raw", entry, 0, tmp_path, 24000, 1)
    assert done.lost
    assert done.source.samples == len(wave)
    clicks = np.flatnonzero(np.abs(read_wave(wav_path(tmp_path, 0), 0, len(wave))) > 0.5)
    late = clicks[clicks > 9 * 24000]
    assert len(late) >= 5
    assert (late % 12000 == 0).all()
