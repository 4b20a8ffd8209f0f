"""A voice from recordings to speech: checks, training, the file, peft, merging, and its base."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from typer.testing import CliRunner

import glmtts
from glmtts.adapters import RowAdapters
from glmtts.bundle import Bundle
from glmtts.cli import app
from glmtts.errors import VoiceError
from glmtts.onnx.export import export
from glmtts.synthesis.trained_voice import TrainedVoice
from glmtts.voices.checks import Limits, Report
from glmtts.voices.pack import card_of, write_voice
from glmtts.voices.recipe import VoiceTraining
from glmtts.voices.train import prepare, train_all
from tests.tiny import tiny_bundle

RATE = 24000
LOOSE = Limits(min_minutes=0.1, max_nll=1e9, max_clause_nll=1e9, min_similarity=-1, max_steadiness=1, min_snr_db=-99)
QUICK = VoiceTraining(
    epochs=2,
    batch_seconds=6,
    precision="no",
    learning_rates={"lm": 1e-2, "flow": 1e-2},
    lengths=(0.0, 9.0),  # random weights know no speaking rate
)


def speechlike(seconds: float, seed: int) -> np.ndarray:
    """A buzz whose pitch glides and whose loudness has syllables and pauses."""
    rng, time = np.random.default_rng(seed), np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(110 + 40 * np.sin(2 * np.pi * (0.7 + 0.1 * seed) * time)) / RATE
    buzz = sum(np.sin(k * phase) / k for k in range(1, 60))
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * time), 0, 1) * (np.sin(2 * np.pi * 0.6 * time) > -0.6)
    return (0.2 * buzz * syllables + 1e-3 * rng.normal(size=len(time))).astype(np.float32)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    for number in range(12):
        soundfile.write(folder / f"line{number:02d}.wav", speechlike(1.6 + 0.1 * number, number), RATE)
        (folder / f"line{number:02d}.txt").write_text("Hello there, my friend.", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    torch.manual_seed(0)
    return Bundle.open(tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny"))


@pytest.fixture(scope="module")
def report(recordings: Path, bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Report:
    return prepare(recordings, tmp_path_factory.mktemp("prepared"), bundle, limits=LOOSE)


@pytest.fixture(scope="module")
def voice(report: Report, bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    work, said = tmp_path_factory.mktemp("work"), list[str]()
    trained = train_all(report, work, bundle, QUICK, said.append)
    assert trained is not None
    assert any("15.0" in line or "14.9" in line for line in said), said
    card = card_of("friend", bundle, report, trained, "CC0", "A buzz agrees to nothing.")
    return write_voice(work / "friend.glmvoice", bundle, report, trained, card)


def test_a_trained_voice_speaks_and_tells_of_itself(voice: Path, bundle: Bundle) -> None:
    tts = glmtts.load(bundle.folder)
    spoken = tts.say("Hello there.", voice, seed=1)
    plain = tts.say("Hello there.", replace(tts.voice(voice), adapter=None), seed=1)
    assert spoken.samples.shape != plain.samples.shape or not torch.allclose(spoken.samples, plain.samples, atol=1e-4)
    card = json.loads(CliRunner().invoke(app, ["voice", "info", str(voice)]).stdout)
    assert card["share"]["lm"] == pytest.approx(0.15, abs=0.01) and card["consent"] == "A buzz agrees to nothing."


def test_texts_of_two_voices_in_one_batch_are_those_of_each_alone(voice: Path, bundle: Bundle) -> None:
    tts = glmtts.load(bundle.folder)
    texts, voices = ["Hello there.", "A tone.", "My friend."], [voice, "tone", voice]
    together = tts.say_batch(texts, voices, seeds=[1, 2, 3])
    for text, one, seed, heard in zip(texts, voices, (1, 2, 3), together, strict=True):
        torch.testing.assert_close(heard.samples, tts.say(text, one, seed=seed).samples, atol=1e-4, rtol=1e-3)


def test_peft_loads_the_adapters(voice: Path, bundle: Bundle, tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["voice", "peft", str(voice), "-o", str(tmp_path)]).exit_code == 0
    ids, own = torch.arange(30)[None], Bundle.open(bundle.folder).network("lm")
    adapter = TrainedVoice.open(voice).adapter("lm")
    with RowAdapters([adapter]).applied(own), torch.no_grad():
        wanted = own(ids)
    from peft import PeftModel  # takes seconds, and this file is read by every process

    loaded = PeftModel.from_pretrained(Bundle.open(bundle.folder).network("lm"), str(tmp_path / "lm"))
    with torch.no_grad():
        torch.testing.assert_close(loaded(ids), wanted, atol=1e-5, rtol=1e-4)
        assert (Bundle.open(bundle.folder).network("lm")(ids) - wanted).abs().max() > 1e-3


def test_a_merged_voice_speaks_alike_without_adapters(voice: Path, bundle: Bundle, tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["voice", "merge", str(voice), "-o", str(tmp_path / "own"), "--model", str(bundle.folder)]
    )
    assert result.exit_code == 0, result.output
    ids, merged = torch.arange(30)[None], Bundle.open(tmp_path / "own")
    own = Bundle.open(bundle.folder).network("lm")
    with RowAdapters([TrainedVoice.open(voice).adapter("lm")]).applied(own), torch.no_grad():
        torch.testing.assert_close(merged.network("lm")(ids), own(ids), atol=3e-3, rtol=1e-2)  # weights in float16
    assert glmtts.load(tmp_path / "own").say("Hello.").seconds > 0
    export(tmp_path / "own", tmp_path / "onnx")
    with glmtts.load_onnx(tmp_path / "onnx") as tts:
        assert tts.say("Hello.", "friend").seconds > 0


def test_another_base_is_refused_in_a_sentence(voice: Path, tmp_path: Path) -> None:
    torch.manual_seed(7)
    other = glmtts.load(tiny_bundle(tmp_path / "other"))
    with pytest.raises(VoiceError, match=r"was trained for the model 'tiny' \(lm [0-9a-f]{12}\)"):
        other.say("Hello.", voice)


@pytest.mark.parametrize("damage", ["cut", "other", "number"])
def test_damaged_files_are_refused(damage: str, voice: Path, bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "broken.glmvoice"
    path.write_bytes(voice.read_bytes()[:-900] if damage == "cut" else b"no voice")
    if damage == "number":
        with safe_open(voice, framework="pt") as file:
            tensors, metadata = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
        name = next(name for name in tensors if "lora_B" in name)
        tensors[name][0, 0] = torch.inf
        save_file(tensors, path, metadata=metadata)
    with pytest.raises(VoiceError, match=r"damaged|not a trained voice"):
        glmtts.load(bundle.folder).say("Hello.", path)


def test_takes_are_made_once(recordings: Path, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(recordings, tmp_path, bundle, limits=LOOSE)
    first = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "takes").iterdir()}
    again = prepare(recordings, tmp_path, bundle, limits=LOOSE)
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "takes").iterdir()} == first
    assert len(again.used) >= 12
    # another recogniser may hear another text, another bundle writes other tokens
    monkeypatch.setattr("glmtts.voices.takes.bundle_digest", lambda folder: "another")
    prepare(recordings, tmp_path, bundle, limits=LOOSE)
    assert len(list((tmp_path / "takes").glob("*.json"))) == 2 * len([name for name in first if name.endswith(".json")])


def test_training_needs_the_statement_of_consent(recordings: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["voice", "train", str(recordings), "-o", str(tmp_path / "a.glmvoice")])
    assert isinstance(result.exception, VoiceError) and "--consent" in str(result.exception)
