"""Faults of single clips, of the disk and of numbers: what each costs, and what the user reads."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import soundfile

from glmtts.config import StrictConfig
from glmtts.data import Dataset, SourceConfig
from glmtts.data.pipeline import Clip, Result
from glmtts.data.pipeline.alone import run_alone
from glmtts.data.pipeline.config import PipelineConfig, load_pipeline
from glmtts.data.pipeline.plan import read_wave
from glmtts.data.pipeline.runner import run_and_report, run_pipeline
from glmtts.data.pipeline.sound import sound_file, write_sound
from glmtts.data.pipeline.stage import create_stage
from glmtts.data.pipeline.stages.features import FeaturesConfig
from glmtts.data.pipeline.store import owned
from glmtts.errors import AudioError, ConfigError, DataError, GlmTtsError, TextError
from tests.data.pipeline.corpora import configured, hashes, noise, odd_corpus
from tests.data.pipeline.made_stages import LevelStage


class ShortStage(LevelStage):
    """Fails on clips of less than half a second, with an error of their own."""

    name: ClassVar[str] = "short"
    error: ClassVar[type[Exception]] = AudioError

    def process(self, clips: Sequence[Clip]) -> list[Result]:
        if any(clip.seconds < 0.5 for clip in clips):
            raise self.error("a recording is too short. Record more.")
        return super().process(clips)


class WordlessStage(ShortStage):
    error: ClassVar[type[Exception]] = TextError


class HelplessStage(ShortStage):
    error: ClassVar[type[Exception]] = GlmTtsError


class NumpyStage(LevelStage):
    """Leaves what is no JSON in the labels."""

    def process(self, clips: Sequence[Clip]) -> list[Result]:
        return [Result((clip.with_labels(level=np.float32(1)),)) for clip in clips]


def stage(kind: type, **values: Any) -> tuple[dict[str, Any], ...]:
    return ({"name": f"{__name__}:{kind.__name__}", **values},)


@pytest.mark.parametrize("kind", [ShortStage, WordlessStage])
def test_an_error_of_a_clip_names_it_or_drops_it(tmp_path: Path, kind: type) -> None:
    odd_corpus(tmp_path / "raw", 3)
    with pytest.raises(DataError, match=r"failed on clip [0-9a-f]{16}-\d{10} or .*too short.*on_error"):
        run_pipeline(configured(tmp_path, stage=stage(kind)))
    (record,) = run_pipeline(configured(tmp_path, "drop", stage=stage(kind, on_error="drop"), engine={}))
    dropped = record["drops"][kind.__name__]["the stage failed"]
    assert 0 < dropped < 0.5 * 24000
    assert record["kept"] == record["samples"] - dropped
    with pytest.raises(DataError, match=r"failed on clip .* of 00a.wav: "):
        run_alone(
            create_stage(stage(NumpyStage)[0]["name"].replace("Numpy", "Throwing")), tmp_path / "raw", tmp_path / "a"
        )


class ThrowingStage(LevelStage):
    """Throws what a model throws."""

    def process(self, clips: Sequence[Clip]) -> list[Result]:
        raise IndexError("out of range")


def test_a_stage_that_cannot_work_stops_the_run_whatever_is_asked(tmp_path: Path) -> None:
    odd_corpus(tmp_path / "raw", 2)
    with pytest.raises(GlmTtsError, match=r"^a recording is too short"):
        run_pipeline(configured(tmp_path, stage=stage(HelplessStage, on_error="drop")))


def test_features_have_names_that_exist() -> None:
    with pytest.raises(ConfigError, match=r"features.0: Input should be 'tokens'"):
        FeaturesConfig.parse({"features": ["foo"]})
    assert FeaturesConfig.parse({"features": ["mel", "f0"]}).features == ("mel", "f0")


@contextmanager
def small_disk(size: int) -> Iterator[None]:
    """No file of this process may be larger; unlike a patched function, libsndfile and Arrow meet it too."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limits")
@pytest.mark.parametrize("size", [100, 3_000, 20_000, 50_000, 90_000, 130_000, 200_000])
def test_a_disk_that_takes_no_more_costs_one_sentence(tmp_path: Path, size: int) -> None:
    odd_corpus(tmp_path / "raw", 3)
    (tmp_path / "raw/a.flac").write_bytes((tmp_path / "raw/01b.flac").read_bytes())
    config = configured(tmp_path, stage=({"name": "length", "options": {"min_seconds": 1}},))
    with (
        small_disk(size),
        pytest.raises(DataError, match=r"out cannot be written: .+\. Free some space and run again\."),
    ):
        run_and_report(config)
    report = run_and_report(config)
    assert (tmp_path / "out/index.html").exists()
    whole = configured(tmp_path, "whole", stage=config.stage)
    assert run_and_report(whole).kept == report.kept > 0
    assert hashes(tmp_path / "out") == hashes(tmp_path / "whole")


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limits")
@pytest.mark.parametrize("size", [60, 30_000])
def test_a_disk_that_takes_no_more_of_one_stage(tmp_path: Path, size: int) -> None:
    odd_corpus(tmp_path / "raw", 3)
    length = create_stage("length")
    with (
        small_disk(size),
        pytest.raises(DataError, match=r"cannot be written: .+\. Free some space or give"),
    ):
        run_alone(length, tmp_path / "raw", tmp_path / "out")
    assert not list((tmp_path / "out").glob(".*.part"))
    assert not (tmp_path / "out/decisions.jsonl").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limits")
@pytest.mark.parametrize(("form", "subtype"), [("RF64", "FLOAT"), ("FLAC", "PCM_16"), ("WAV", "PCM_16")])
def test_no_sound_file_is_cut_short_in_silence(tmp_path: Path, form: str, subtype: str) -> None:
    wave = noise(2, 24000)[:, 0].astype(np.float32)
    with sound_file(tmp_path / "whole", 24000, subtype, form) as file:
        file.write(wave)
    full = (tmp_path / "whole").stat().st_size
    for size in (1, 70, 5000, full // 2, full - 1000, full - 1):
        with small_disk(size), pytest.raises(OSError), sound_file(tmp_path / "cut", 24000, subtype, form) as file:
            file.write(wave)
    write_sound(tmp_path / "empty", np.zeros(0, np.float32), 24000, form)


def test_the_report_is_written_while_no_other_run_may_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd_corpus(tmp_path / "raw", 1)
    config = configured(tmp_path, stage=())

    def held(*_: object) -> None:
        with pytest.raises(DataError, match="Another run works in"), owned(config.run.output):
            pass
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("glmtts.data.pipeline.runner.write_report", held)
    with pytest.raises(DataError, match=r"No space left on device\. Free some space"):
        run_and_report(config)


def test_damaged_standardised_sound_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    for name in ("a.wav", "none.wav"):
        with pytest.raises(DataError, match=f"{name} cannot be read"):
            read_wave(tmp_path / name, 0, 3)


@pytest.mark.parametrize("number", ["inf", "-inf", "nan"])
@pytest.mark.parametrize(
    "text",
    [
        "[standardise]\nmax_hours = X",
        "[standardise]\nblock_seconds = X",
        "[shards]\nshard_seconds = X",
        "[engine]\nwindow_hours = X",
        "[report]\nseconds = X",
        '[[stage]]\nname = "length"\noptions = {max_seconds = X}',
        '[[stage]]\nname = "vad"\noptions = {detection = {threshold = X}}',
        '[[stage]]\nname = "length"\n[stage.remote]\naddresses = ["a:1"]\nbackoff = X',
    ],
)
def test_numbers_that_json_does_not_have_are_refused(tmp_path: Path, text: str, number: str) -> None:
    (tmp_path / "run.toml").write_text(f'[run]\ninput = "raw"\noutput = "out"\n{text.replace("X", number)}')
    with pytest.raises(ConfigError, match=r"PipelineConfig is not valid: .*Correct or remove these keys"):
        load_pipeline(tmp_path / "run.toml")


def test_every_number_of_a_configuration_is_finite() -> None:
    """Also those of sections that are yet to come."""
    sections = [PipelineConfig, *(field.annotation for field in PipelineConfig.model_fields.values())]
    kinds = [kind for kind in sections if isinstance(kind, type) and issubclass(kind, StrictConfig)]
    assert len(kinds) > 5
    assert all(kind.model_config.get("allow_inf_nan") is False for kind in kinds)


def test_one_stage_alone_is_tried_again(tmp_path: Path) -> None:
    folder, out = odd_corpus(tmp_path / "raw", 3), tmp_path / "out"
    (folder / "twice.wav").write_bytes((folder / "00a.wav").read_bytes())
    out.mkdir()
    (out / "mine.wav").write_text("a recording of the user")
    first = run_alone(create_stage("length", {"min_seconds": 0.1}), folder, out)
    rows = [json.loads(line) for line in (out / "decisions.jsonl").read_text().splitlines()]
    assert [row.get("reason") for row in rows if row["path"] == "twice.wav"] == [None, "duplicate"]
    assert len(list(out.glob("*.wav"))) == 3 + 1
    again = run_alone(create_stage("length", {"min_seconds": 2}), folder, out)
    assert sum(again) == pytest.approx(sum(first))
    (kept,) = (path for path in out.glob("*.wav") if path.name != "mine.wav")
    assert soundfile.info(kept).duration == pytest.approx(again[0], abs=1e-4)
    assert (out / "mine.wav").exists()
    with pytest.raises(DataError, match=r"JSON values.*float32"):
        run_alone(NumpyStage(StrictConfig()), folder, out)
    assert not list(out.glob(".*.part"))


def test_one_stage_alone_without_recordings_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none is no folder"):
        run_alone(create_stage("length"), tmp_path / "none", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_labels_that_are_null_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    soundfile.write(tmp_path / "raw/a.wav", noise(1, 24000), 24000)
    labels = {"text": None, "language": None, "speaker": None, "age": None}
    (tmp_path / "list.jsonl").write_text(json.dumps({"path": "a.wav", "labels": labels}))
    values = {"input": tmp_path / "raw", "output": tmp_path / "out", "manifest": tmp_path / "list.jsonl"}
    run_pipeline(configured(tmp_path, stage=(), run=values))
    (said,) = Dataset.open([SourceConfig(path=tmp_path / "out/shards")]).utterances()
    assert (said.text, said.language, said.speaker) == ("", "", said.extra["source"])
    assert said.extra["age"] is None
    (heard,) = json.loads((tmp_path / "out/samples/index.json").read_text())
    assert heard["text"] == ""
