"""What a stage may not give is found where it was given, and not when the window is done."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import soundfile

from glmtts.config import StrictConfig
from glmtts.data import FeatureSpec
from glmtts.data.pipeline import Clip, Result, create_stage, drop, keep
from glmtts.data.pipeline.alone import run_alone
from glmtts.data.pipeline.runner import run_pipeline
from glmtts.data.pipeline.standardise import wav_path
from glmtts.errors import AudioError, ConfigError, DataError
from tests.data.pipeline.corpora import MADE, configured, noise, odd_corpus

VECTOR = {"f": FeatureSpec(rate=None)}


class Given(StrictConfig):
    """What the stage gives."""

    what: str = ""


class GivingStage:
    """Gives what no shard can hold, of some clips or of all."""

    name: ClassVar[str] = "giving"
    config_class: ClassVar[type[StrictConfig]] = Given

    def __init__(self, config: Given, device: str = "cpu") -> None:
        self.what = config.what
        if self.what == "no start":
            raise FileNotFoundError(2, "No such file or directory", "/none/weights")

    @property
    def features(self) -> Mapping[str, FeatureSpec]:
        named = {"none": {}, "index": {"index": FeatureSpec(rate=None)}, "wave": {"wave": FeatureSpec(rate=None)}}
        return named.get(self.what, VECTOR)

    def process(self, clips: Sequence[Clip]) -> Any:
        if self.what == "nothing":
            return None
        if self.what == "generator":
            return (keep(clip) for clip in clips)
        return [self._one(clip) for clip in clips]

    def _one(self, clip: Clip) -> Any:
        odd, nan = clip.spans[0].start % 2 == 1, np.full(clip.samples, np.nan)
        vector = np.full(1 + (self.what == "shape" and odd), np.nan if self.what == "NaN feature" and odd else 0.0)
        given: dict[str, Any] = {
            "clips": [clip],
            "no reason": drop(clip, " ") if self.what == "no reason" else None,
            "missing": keep(clip),
            "numpy": keep(clip.with_labels(level=np.float32(1)).with_features(f=vector)),
            "complex": keep(clip.with_features(f=vector.astype(complex))),
            "NaN": keep((clip.with_wave(nan) if odd else clip).with_features(f=vector)),
            "NaN label": keep(clip.with_labels(snr=np.nan if odd else 1.0).with_features(f=vector)),
            "NaN detail": drop(clip, "odd", snr=np.nan) if odd else keep(clip.with_features(f=vector)),
        }
        return given.get(self.what, keep(clip.with_features(f=vector)))


def stages(what: str, **values: Any) -> tuple[dict[str, Any], ...]:
    """Pieces of odd and even places, and what is made of them."""
    giving = {"name": f"{__name__}:GivingStage", "options": {"what": what}, **values}
    return ({"name": f"{MADE}:PiecesStage"}, giving)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("nothing", r"'GivingStage' gave no list of results"),
        ("generator", r"'GivingStage' gave no list of results"),
        ("clips", r"'GivingStage' gave no list of results"),
        ("no reason", r"A drop has the reason ' '"),
        ("none", r"'GivingStage' gives clip .* with the features f; announced are none"),
        ("missing", r"'GivingStage' gives clip .* with the features none; announced are f"),
        ("shape", r"'GivingStage', clip .*: feature 'f' is float64 of shape"),
        ("complex", r"'GivingStage', clip .*: arrays of type complex128 cannot be stored"),
        ("numpy", r"'GivingStage': Labels and details of a stage must be JSON values.*float32"),
        ("index", r"GivingStage' announces a feature that shards cannot hold: a feature cannot be called 'index'"),
        ("wave", r"GivingStage' announces a feature that shards cannot hold: 'wave' is the sound itself"),
    ],
)
def test_what_no_shard_holds_stops_the_run_and_leaves_no_unit(tmp_path: Path, what: str, said: str) -> None:
    """Else the mended stage would meet what it made before, in units that are finished."""
    odd_corpus(tmp_path / "raw", 3)
    for on_error in ("stop", "drop"):
        with pytest.raises(DataError, match=said):
            run_pipeline(configured(tmp_path, on_error, stage=stages(what, on_error=on_error)))
        assert not list((tmp_path / on_error / "work").rglob("*.safetensors"))


@pytest.mark.parametrize("what", ["NaN", "NaN feature", "NaN label", "NaN detail"])
def test_values_that_are_no_numbers_are_the_clips_fault(tmp_path: Path, what: str) -> None:
    odd_corpus(tmp_path / "raw", 3)
    with pytest.raises(DataError, match=r"'GivingStage' failed on clip .*(not finite|no JSON holds).*on_error"):
        run_pipeline(configured(tmp_path, stage=stages(what)))
    (record,) = run_pipeline(configured(tmp_path, "drop", stage=stages(what, on_error="drop"), engine={}))
    assert 0 < record["drops"]["GivingStage"]["the stage failed"] < record["kept"] + record["samples"]
    assert record["kept"] > 0
    assert record["kept"] + sum(sum(one.values()) for one in record["drops"].values()) == record["samples"]


def test_features_that_a_later_stage_cuts_off_stop_the_run(tmp_path: Path) -> None:
    odd_corpus(tmp_path / "raw", 3)
    with pytest.raises(DataError, match=r"'PiecesStage' gives .*features none; announced are frames, level.*before"):
        run_pipeline(configured(tmp_path, stage=({"name": f"{MADE}:LevelStage"}, {"name": f"{MADE}:PiecesStage"})))


def test_a_stage_that_cannot_be_started_is_one_sentence(tmp_path: Path) -> None:
    odd_corpus(tmp_path / "raw", 1)
    with pytest.raises(
        ConfigError,
        match=r"GivingStage' cannot be started: FileNotFoundError: .*/none/weights' \(test_values.py, line \d+\)",
    ):
        run_pipeline(configured(tmp_path, stage=stages("no start")))


def test_a_fault_at_the_shards_says_what_to_delete(tmp_path: Path) -> None:
    """Shapes that agree within each unit and not between them are seen there first."""
    (tmp_path / "raw").mkdir()
    for name, seconds in (("a", 1.0), ("b", 1.0 + 1 / 24000)):
        soundfile.write(tmp_path / f"raw/{name}.wav", noise(seconds, 24000), 24000)
    giving = ({"name": f"{__name__}:LengthwiseStage"},)
    config = configured(tmp_path, stage=giving, engine={}, standardise={"block_seconds": 1.5, "search_seconds": 0.5})
    with pytest.raises(DataError, match=r"Where a stage made it, mend that, delete .*work/units and run again"):
        run_pipeline(config)


class LengthwiseStage(GivingStage):
    """A vector whose length is that of its clip."""

    def process(self, clips: Sequence[Clip]) -> list[Result]:
        return [keep(clip.with_features(f=np.zeros(clip.samples - 23_990))) for clip in clips]


class TinyStage(GivingStage):
    """Finds its clips too short."""

    def process(self, clips: Sequence[Clip]) -> list[Result]:
        raise AudioError("a recording is too short. Record more.")


def test_one_stage_alone_names_the_file_of_a_fault(tmp_path: Path) -> None:
    odd_corpus(tmp_path / "raw", 2)
    for stage, said in ((TinyStage(Given()), "AudioError: a recording is too short"), (made("NaN"), "not finite")):
        with pytest.raises(DataError, match=rf"failed on clip .* of 0\da?b?\.(wav|flac): .*{said}"):
            run_alone(stage, tmp_path / "raw", tmp_path / "out")


def made(what: str) -> Any:
    """A stage that gives odd values of every clip."""
    stage: Any = create_stage(f"{__name__}:GivingStage", {"what": what})
    stage._one = lambda clip: keep(clip.with_wave(np.full(clip.samples, np.nan)))
    return stage


def test_one_stage_alone_needs_the_disk_of_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd_corpus(tmp_path / "raw", 4)
    there: list[int] = []
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    stage: Any = create_stage("length")
    process = stage.process

    def counted(clips: Sequence[Clip]) -> list[Result]:
        there.append(len(list(tmp_path.rglob(f"{wav_path(Path(), 0).parent}/*.wav"))))
        return process(clips)

    stage.process = counted
    run_alone(stage, tmp_path / "raw", tmp_path / "out")
    assert there == [1, 1, 1, 1]
