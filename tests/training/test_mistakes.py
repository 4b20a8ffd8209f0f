"""What a person can get wrong in a run is one sentence, and most of it is told by the dry run."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

import tests.training.toy  # noqa: F401, registers the task
from glmtts.cli import app
from glmtts.data import Dataset, SourceConfig
from glmtts.errors import ConfigError, DataError, GlmTtsError, TrainingError
from glmtts.training import checkpoint
from glmtts.training.config import RunConfig, load_config
from glmtts.training.dryrun import measure
from glmtts.training.engine import Engine
from glmtts.training.registry import create_task
from glmtts.training.shards import shards_of
from tests.training.made_up import run_of, write_speech
from tests.training.runs import train

TOY = '[run]\ntask = "toy"\nout = "{out}"\nprecision = "no"\n[schedule]\nsteps = 2\n[distributed]\nworkers = 0\n'


@pytest.mark.parametrize(
    ("task", "sections", "sentence"),
    [
        ("lm", {"model": {"hidden_size": 0}}, "hidden_size: Input should be greater than or equal to 1"),
        ("lm", {"model": {"num_layers": -1}}, "num_layers: Input should be greater"),
        ("lm", {"loss": {"guided_layers": [9], "alignment_scale": 0.5}}, "guided_layers names layer 9, but a model"),
        ("lm", {"data": {"sources": []}}, "nothing to train on"),
        ("lm", {"run": {"init_from": "/nowhere/at/all"}}, "neither a bundle nor a run"),
        ("flow", {"model": {"width": 30, "heads": 4}}, "width 30 is no even multiple of heads"),
    ],
)
def test_a_dry_run_tells(task: str, sections: dict, sentence: str, speech: Path, tmp_path: Path) -> None:
    with pytest.raises(GlmTtsError, match=sentence) as error:
        measure(create_task(run_of(task, speech, tmp_path / "run", **sections)))
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "run.toml").write_text(TOY.format(out=tmp_path / "file" / "run"))
    result = CliRunner().invoke(app, ["train", str(tmp_path / "run.toml")])
    assert isinstance(result.exception, TrainingError)
    assert "run cannot be written: Not a directory" in str(result.exception)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_folder_that_no_weights_can_be_read_from(tmp_path: Path) -> None:
    out = Path(os.fsdecode(os.fsencode(tmp_path) + b"/run\xff"))
    with pytest.raises(TrainingError, match=r"is not UTF-8, and weights cannot be read there\. Choose another"):
        train(run_of("toy", tmp_path, out))
    assert not out.exists()


def test_a_full_disk_at_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = {"model": shards_of(torch.nn.Linear(2, 2))}
    checkpoint.save(tmp_path, 1, groups, {}, 0, 1, lambda: None)

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("glmtts.durable.sync", full)
    with pytest.raises(TrainingError, match="No space left on device"):
        checkpoint.save(tmp_path, 2, groups, {}, 0, 1, lambda: None)
    assert checkpoint.latest(tmp_path).name == "step-00000001"


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc to name what is flushed")
def test_a_checkpoint_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed, fsync = list[str](), os.fsync

    def told(handle: int) -> None:
        flushed.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        fsync(handle)

    monkeypatch.setattr("os.fsync", told)
    groups = {name: shards_of(torch.nn.Linear(2, 2)) for name in ("model", "ema")}
    checkpoint.save(tmp_path, 3, groups, {"minutes": 1.0}, 0, 1, lambda: None)
    files = {path.name for path in checkpoint.latest(tmp_path).iterdir()}
    assert len(files) == 3
    assert set(flushed[:3]) == files
    assert flushed[3:] == ["step-00000003.part", "checkpoints"]


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        ("state.json", "[]", "state.json does not say its step"),
        ("state.json", "{}", "state.json does not say its step"),
        ("state.json", "[" * 9000, "cannot be read"),
        ("state.json", '{"step": 2}', "does not say where its run stood"),
        ("state.json", '{"step": 2, "consumed": "x", "minutes": 0, "data": {}}', "does not say where its run stood"),
        ("model-00001-of-00001.safetensors", None, "is no part of a checkpoint"),
    ],
)
def test_a_checkpoint_that_is_damaged_says_what_to_remove(
    tmp_path: Path, file: str, text: str | None, sentence: str
) -> None:
    (tmp_path / "run.toml").write_text(TOY.format(out=tmp_path / "run"))
    train(load_config(tmp_path / "run.toml"))
    path = checkpoint.latest(tmp_path / "run") / file
    if text is None:  # whole, and not of ours
        save_file({"a": torch.zeros(1)}, path)
    else:
        path.write_text(text)
    with pytest.raises(TrainingError, match=sentence) as error:
        train(load_config(tmp_path / "run.toml", ["schedule.steps=4"]))
    assert "Remove" in str(error.value) and "\n" not in str(error.value)


@pytest.fixture
def own_speech(tmp_path: Path) -> Path:
    """Speech that a test may damage."""
    return write_speech(tmp_path / "own")


def _damaged(speech: Path, out: Path, feature: str, change: bytes) -> RunConfig:
    """A run on data of which some bytes in the middle of a feature's file changed."""
    dataset = Dataset.open([SourceConfig(path=speech / "speech")])
    for number in range(len(dataset.manifests[0].shards)):
        path = dataset.shard(0, number).path(feature)
        data = bytearray(path.read_bytes())
        middle = len(data) // 2 // 8 * 8
        data[middle : middle + 160] = change * 20
        path.unlink()  # never through the map that another test holds
        path.write_bytes(data)
    return run_of("lm" if feature != "mel" else "flow", speech, out)


@pytest.mark.parametrize(
    ("feature", "change", "sentence"),
    [
        ("tokens", b"\xff\xff\xff\x7f" * 2, "speech token 2147483647, but there are"),
        ("alignment", b"\x00\x00\x00\x80" * 2, "damaged"),
        ("index", b"\xff" * 8, "damaged"),
    ],
)
@pytest.mark.parametrize("workers", [0, 1])
def test_damaged_bytes_are_one_sentence(
    feature: str, change: bytes, sentence: str, workers: int, own_speech: Path, tmp_path: Path
) -> None:
    config = _damaged(own_speech, tmp_path / "run", feature, change)
    source = create_task(config)
    with pytest.raises(DataError, match=sentence) as error:
        batches = Engine(source)._batches() if workers == 0 else _with_workers(config)
        for _ in range(12):
            next(batches)
    assert "\n" not in str(error.value)


def _with_workers(config: RunConfig) -> Iterator[tuple[int, Any]]:
    section = config.distributed.model_copy(update={"workers": 1})
    return Engine(create_task(config.model_copy(update={"distributed": section})))._batches()


def test_a_good_run_still_trains(speech: Path, tmp_path: Path) -> None:
    config = run_of("lm", speech, tmp_path / "run", schedule={"steps": 2}, log={"evaluate_every": None})
    assert train(config).step == 2
    weights = checkpoint.read_group(checkpoint.latest(tmp_path / "run"), "model")
    assert all(torch.isfinite(value).all() for value in weights.values())


def test_a_negative_size_is_named_by_the_command(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(TOY.format(out=tmp_path / "run"))
    command = ["train", str(tmp_path / "run.toml"), "--set", "model.width=0", "--dry-run"]
    result = CliRunner().invoke(app, command)
    assert isinstance(result.exception, ConfigError)
    assert "width: Input should be greater than or equal to 1" in str(result.exception)


def test_a_device_that_is_not_there(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    (tmp_path / "run.toml").write_text(TOY.format(out=tmp_path / "run"))
    result = CliRunner().invoke(app, ["train", str(tmp_path / "run.toml"), "--device", "cuda"])
    assert isinstance(result.exception, ConfigError)
    assert "CUDA" in str(result.exception)
