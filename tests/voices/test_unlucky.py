"""Recordings as unlucky people have them: quiet, twice, hidden, in other languages; runs whose files were spoilt."""

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from glmtts.audio.loudness import integrated_loudness
from glmtts.audio.pitch import REFERENCE_HZ
from glmtts.bundle import Bundle
from glmtts.cli import app
from glmtts.errors import ConfigError, VoiceError
from glmtts.training.config import RunConfig
from glmtts.voices.checks import Report, check, refuse
from glmtts.voices.dataset import trained_voice
from glmtts.voices.recipe import VoiceTraining
from glmtts.voices.recordings import find_recordings
from glmtts.voices.takes import LOUDNESS, levelled
from glmtts.voices.tasks import BEST, VoiceFlow
from glmtts.voices.train import prepare, train_all
from tests.training.made_up import run_of
from tests.voices.test_checks import RATE, speechlike, take
from tests.voices.test_work import LOOSE, takes

QUICK = {"epochs": 0.01, "batch_seconds": 6, "precision": "no", "lengths": (0.0, 9.0)}


@pytest.fixture(scope="module")
def bundle(tiny_folder: Path) -> Bundle:
    return Bundle.open(tiny_folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    for number in range(4):
        soundfile.write(folder / f"{number}.wav", speechlike(1.6, number).numpy(), RATE)
        (folder / f"{number}.txt").write_text("A tone.", encoding="utf-8")
    return folder


@pytest.fixture
def recordings(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "recordings"))


@pytest.fixture(scope="module")
def report(folder: Path, bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Report:
    return prepare(folder, tmp_path_factory.mktemp("work"), bundle, limits=LOOSE)


@pytest.mark.parametrize("gain", [0.01, 0.2, 3.0])
def test_recordings_are_as_loud_as_what_the_base_learnt(gain: float) -> None:
    wave = gain * speechlike(3.0)
    before, after = (integrated_loudness(one.numpy(), RATE) for one in (wave, levelled(wave, RATE)))
    assert after == pytest.approx(np.clip(before, *LOUDNESS), abs=0.05)
    assert levelled(1e-4 * wave / wave.abs().max(), RATE).abs().max() < 1e-3  # silence stays silence


def test_a_quiet_folder_gives_the_mels_of_a_louder_one(recordings: Path, bundle: Bundle, tmp_path: Path) -> None:
    soundfile.write(recordings / "0.wav", 0.02 * speechlike(1.6, 0).numpy(), RATE, "FLOAT")
    soundfile.write(recordings / "1.wav", 0.03 * speechlike(1.6, 0).numpy(), RATE, "FLOAT")
    (recordings / "1.txt").write_text("Another tone.", encoding="utf-8")
    used = {one.id: one for one in prepare(recordings, tmp_path / "work", bundle, limits=LOOSE).used}
    torch.testing.assert_close(used["0"].mel.float(), used["1"].mel.float(), atol=0.05, rtol=0)
    assert float(used["0"].mel.float().amax()) > -2


def test_copies_are_left_out_and_the_rest_is_trained(recordings: Path, bundle: Bundle, tmp_path: Path) -> None:
    for number in range(4):  # half of the files, and still no reason to refuse the folder
        wave, _ = soundfile.read(recordings / f"{number}.wav")
        soundfile.write(recordings / f"b{number}.flac", wave, RATE)
        shutil.copy(recordings / f"{number}.txt", recordings / f"b{number}.txt")
    report = prepare(recordings, tmp_path / "work", bundle, limits=LOOSE)
    assert [one.id for one in report.used] == ["0", "1", "2", "3"]
    assert [(one.take.id, one.why.partition(";")[0]) for one in report.dropped] == [
        (f"b{number}", f"is a copy of {number}") for number in range(4)
    ]


def test_the_same_sound_with_another_text_is_no_copy() -> None:
    first = take(0)
    report = check([first, replace(first, id="v", parent="v", text="more")], LOOSE)
    refuse(report, LOOSE)
    assert len(report.used) == 2


def test_what_macos_lays_beside_is_no_recording(recordings: Path) -> None:
    for number in range(4):
        (recordings / f"._{number}.wav").write_bytes(b"\0\5\x16\7" * 20)
    assert [one.id for one in find_recordings(recordings)] == ["0", "1", "2", "3"]


def test_endings_are_read_in_whatever_case_and_of_every_kind(recordings: Path) -> None:
    (recordings / "0.txt").rename(recordings / "0.TXT")
    (recordings / "1.wav").rename(recordings / "1.m4a")
    (recordings / "2.wav").rename(recordings / "2.AIFF")
    assert [one.text for one in find_recordings(recordings)] == ["A tone."] * 4


def test_names_are_one_line_without_escapes(recordings: Path) -> None:
    (recordings / "0.wav").rename(recordings / "a\nb\x1b[31m.wav")
    assert find_recordings(recordings)[-1].id == "a\\nb\\x1b[31m"


def listed(folder: Path, *records: dict[str, str]) -> list[str | None]:
    (folder / "index.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    return [one.language for one in find_recordings(folder)]


def test_languages_are_tags_of_ours(recordings: Path) -> None:
    tags = ("EN", "en-US", "zh_CN", "cmn")
    lines = [{"file": f"{number}.wav", "text": "A tone.", "lang": tag} for number, tag in enumerate(tags)]
    assert listed(recordings, *lines) == ["en", "en", "zh", "zh"]
    for other in ("fr", "\ud800", "english please"):
        with pytest.raises(VoiceError, match=r"line 1 has lang .*\. Give zh or en"):
            listed(recordings, {"file": "0.wav", "text": "Un ton.", "lang": other})


@pytest.mark.parametrize("name", ["", ".", "/"])
def test_a_file_without_a_name_is_one_sentence(name: str, recordings: Path) -> None:
    with pytest.raises(VoiceError, match="line 1 is no JSON object with `file` and `text`"):
        listed(recordings, {"file": name, "text": "A tone."})


def test_a_folder_that_is_none_is_named(recordings: Path) -> None:
    with pytest.raises(VoiceError, match=r"0\.wav cannot be read: Not a directory"):
        find_recordings(recordings / "0.wav")


def test_whispers_have_the_f0_of_a_clone_without_any(bundle: Bundle) -> None:
    whispers = [replace(one, tokens=one.tokens, f0=torch.zeros(8)) for one in takes(3)]
    assert float(trained_voice(whispers, bundle).f0) == REFERENCE_HZ


@pytest.mark.parametrize("output", [".", "/"])
def test_an_output_without_a_name_is_one_sentence(output: str, recordings: Path) -> None:
    result = CliRunner().invoke(app, ["voice", "train", str(recordings), "-o", output, "--check-only"])
    assert isinstance(result.exception, ConfigError) and "no name of a voice" in str(result.exception)


def test_consent_says_something(recordings: Path, tmp_path: Path) -> None:
    given = [str(recordings), "-o", str(tmp_path / "a.glmvoice"), "--consent", " \n"]
    result = CliRunner().invoke(app, ["voice", "train", *given])
    assert isinstance(result.exception, VoiceError) and "statement" in str(result.exception)


def trained(report: Report, work: Path, bundle: Bundle, **how: object) -> dict[str, float]:
    done = train_all(report, work, bundle, VoiceTraining.parse({**QUICK, **how}), lambda line: None, ("lm",))
    assert done is not None
    return done["lm"].figures


def test_a_file_where_the_data_should_be_is_left_alone(report: Report, bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("years of work", encoding="utf-8")
    with pytest.raises(VoiceError, match="holds something else"):
        trained(report, tmp_path, bundle)
    assert (tmp_path / "data").read_text(encoding="utf-8") == "years of work"


def test_a_share_that_one_network_cannot_have_is_told_before_the_other_is_trained(
    report: Report, bundle: Bundle, tmp_path: Path
) -> None:
    how = VoiceTraining.parse({**QUICK, "share": 0.99})  # the flow's layers are smaller than that
    with pytest.raises(ConfigError, match=r"as large as the layers"):
        train_all(report, tmp_path, bundle, how, lambda line: None)
    assert not (tmp_path / "lm").exists()


def test_prefixes_are_ids_of_the_model(report: Report, bundle: Bundle, tmp_path: Path) -> None:
    for number in (-1, 1_000_000):
        with pytest.raises(ConfigError, match=f"prefix has the id {number}, and the model has those from 0 to"):
            trained(report, tmp_path, bundle, method="prefix", prefix=(number,))


class Figured(VoiceFlow):
    """A flow whose evaluations give these losses in turn."""

    losses: list[float]

    def figures(self, model: torch.nn.Module, device: torch.device) -> dict[str, float]:
        return {"held_out_flow": self.losses.pop(0), "held_out_prior": 0.0}


@pytest.mark.parametrize(
    ("losses", "best"),
    [
        ([math.nan, 2.0, 1.0], 2),  # what is no number is no best, and hides none
        ([1.0, math.nan, 2.0], 0),
        ([2.0, -math.inf, 1.0], 2),
        ([1.0000004, 1.0000001], 0),  # alike in the log, where a run that was killed reads them
        ([0.1234568, 0.1234566], 1),  # apart in the log
    ],
)
def test_the_best_weights_are_those_of_the_lowest_number(losses: list[float], best: int, tmp_path: Path) -> None:
    config = run_of("flow", tmp_path, tmp_path / "run").model_dump(mode="json", exclude={"loss", "init"})
    task = Figured(RunConfig.parse({**config, "run": {**config["run"], "task": "voice_flow", "init_from": "bundle"}}))
    task.losses = [*losses]
    (tmp_path / "run").mkdir()
    model = torch.nn.Linear(1, 1)
    for number in range(len(losses)):
        torch.nn.init.constant_(model.weight, number)
        task.evaluate(model, torch.device("cpu"))
    assert float(load_file(tmp_path / "run" / BEST)["weight"]) == best
    assert task.costs.index(min(task.costs)) == best


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


@pytest.mark.parametrize(
    ("name", "spoil"), [("evaluation.csv", _cut), ("evaluation.csv", Path.unlink), ("base.json", _cut)]
)
def test_figures_that_are_lost_cost_no_weights(
    name: str, spoil: Callable[[Path], None], report: Report, bundle: Bundle, tmp_path: Path
) -> None:
    assert "held_out_loss" in trained(report, tmp_path, bundle)
    spoil(tmp_path / "lm" / name)
    assert trained(report, tmp_path, bundle)["steps"] == 1


def test_weights_that_are_spoilt_are_one_sentence(report: Report, bundle: Bundle, tmp_path: Path) -> None:
    trained(report, tmp_path, bundle)
    _cut(tmp_path / "lm" / "best.safetensors")
    with pytest.raises(VoiceError, match=r"best\.safetensors is damaged .*\. Remove .*lm, and the same command"):
        trained(report, tmp_path, bundle)
    shutil.rmtree(tmp_path / "lm")
    assert trained(report, tmp_path, bundle)["steps"] == 1
