"""Bundles of trained policies: of the run's own configuration, into a new folder, whole or not at all."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from glmtts.bundle import Bundle, bundle_digest
from glmtts.cli import app
from glmtts.durable import writable
from glmtts.errors import BundleError, ConfigError, GlmTtsError, RlError, TrainingError
from glmtts.rl.command import rl
from glmtts.rl.export import export_bundle
from glmtts.training.config import RunConfig
from tests.training.runs import train

pytestmark = pytest.mark.long


@pytest.fixture
def trained(make_run: Any, bundle: Path, tmp_path: Path) -> RunConfig:
    """A run of one step on a bundle of its own."""
    own = shutil.copytree(bundle, tmp_path / "own")
    config = make_run("run", "diffro", model={"bundle": str(own)}, schedule={"steps": 1, "warmup_steps": 0})
    train(config)
    return config


def changed(config: RunConfig, **sections: dict[str, Any]) -> RunConfig:
    values = config.model_dump(mode="json")
    return RunConfig.parse({**values, **{name: {**values[name], **part} for name, part in sections.items()}})


def test_a_run_is_exported_as_it_was_trained(trained: RunConfig, bundle: Path, tmp_path: Path) -> None:
    """Another bundle would give the language model a vocabulary that it does not know."""
    for other, key in (
        (changed(trained, model={"bundle": "bundle"}), r"model\.bundle"),
        (changed(trained, model={"lora_rank": 4}), r"model\.lora_rank"),
        (changed(trained, run={"seed": 5}), r"run\.seed"),
    ):
        with pytest.raises(TrainingError, match=f"holds a run with other values of {key}"):
            export_bundle(other, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    # how long it trains is no part of what it is
    out = export_bundle(changed(trained, schedule={"steps": 9}), tmp_path / "new" / "out")
    assert Bundle.open(out).audio_tokens == Bundle.open(bundle).audio_tokens
    assert {path.name for path in out.iterdir()} >= {"bundle.json", "lm.safetensors", "tokenizer.model"}


def test_what_lies_there_is_left_alone(trained: RunConfig, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "lm.safetensors").write_text("mine")
    for out in (tmp_path / "mine", trained.run.out, tmp_path / "own", tmp_path / "mine" / "lm.safetensors"):
        with pytest.raises(RlError, match=r"is there already\. Choose a new folder"):
            export_bundle(trained, out)
    assert (tmp_path / "mine" / "lm.safetensors").read_text() == "mine"
    assert not (trained.run.out / "bundle.json").exists()


@pytest.mark.parametrize("there", [False, True])
def test_a_bundle_within_its_base_is_no_copy_of_itself(there: bool, trained: RunConfig, tmp_path: Path) -> None:
    out = tmp_path / "own" / "new"
    if there:  # as a folder that was mounted for it
        out.mkdir()
    export_bundle(trained, out)
    assert not [path for path in out.rglob("*") if path.name == "new"]
    assert bundle_digest(out) != bundle_digest(tmp_path / "own")


def test_a_full_disk_leaves_nothing(trained: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: Any, target: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr("shutil.copy2", full)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(RlError, match=r"out cannot be written: No space left on device\. Free some space"):
        export_bundle(trained, tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("options", [["--device", "cpu"], ["--device", "nope"], ["--processes", "3"]])
def test_options_that_an_export_does_not_read_are_refused(options: list[str], tmp_path: Path) -> None:
    given = ["rl", str(tmp_path / "run.toml"), "--export", str(tmp_path / "out"), *options]
    result = CliRunner().invoke(app, given)
    assert isinstance(result.exception, ConfigError) and "leave out --device" in str(result.exception)
    with pytest.raises(GlmTtsError, match="cannot be read"):
        rl(tmp_path / "run.toml", export=tmp_path / "out")


def test_what_copytree_collects_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    for name in "ab":
        (tmp_path / "from" / name).symlink_to("nowhere")
    place = tmp_path / "to"
    missing, full = "No such file or directory", "No space left on device"
    with pytest.raises(BundleError, match=rf"to cannot be written: {missing}\. F$"), writable(place, BundleError, "F"):
        shutil.copytree(tmp_path / "from", place, dirs_exist_ok=True)
    with pytest.raises(BundleError, match=rf"to cannot be written: {full}\. F$"), writable(place, BundleError, "F"):
        raise shutil.Error([("a", "b", f"[Errno 28] {full}"), ("c", "d", "[Errno 5] I/O")])
