"""A voice that is cloned without PyTorch is the one that PyTorch makes, but for its adaptation."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from typer.testing import CliRunner

from glmtts.audio.mel import LogMel
from glmtts.bundle import Bundle
from glmtts.cli import app
from glmtts.errors import VoiceError
from glmtts.onnx.bundle import OnnxBundle
from glmtts.onnx.clone import clone
from glmtts.onnx.features import log_mel
from glmtts.synthesis.voice import Voice, recorded_voice


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a buzz at 130 Hz with noise."""
    rng, seconds = np.random.default_rng(0), np.arange(2 * 22050) / 22050
    wave = sum(np.sin(2 * np.pi * 130 * harmonic * seconds) / harmonic for harmonic in range(1, 20))
    path = tmp_path_factory.mktemp("recording") / "me.wav"
    soundfile.write(path, 0.1 * (wave + 0.1 * rng.standard_normal(len(seconds))), 22050)
    return path


def test_the_mel_of_a_recording_is_the_same(exported: OnnxBundle) -> None:
    samples = 0.1 * torch.randn(24000, generator=torch.Generator().manual_seed(0))
    wanted = LogMel(exported.config.mel)(samples[None])[0]
    np.testing.assert_allclose(log_mel(samples.numpy(), exported.config.mel), wanted, atol=1e-4)


def test_a_voice_is_what_pytorch_makes(tiny_folder: Path, exported: OnnxBundle, recording: Path) -> None:
    bundle = Bundle.open(tiny_folder)
    wanted = recorded_voice(bundle, bundle.frontend(), recording, "I say this.")
    found = clone(exported, exported.frontend(), recording, "I say this.")
    assert found.text == wanted.text and len(found.tokens) == len(wanted.tokens)
    assert np.mean(found.tokens == wanted.tokens.numpy()) > 0.9, "but where two codes are equally near"
    np.testing.assert_allclose(found.embedding, wanted.embedding, atol=1e-4)
    np.testing.assert_allclose(found.mel, wanted.mel, atol=1e-3)
    assert found.f0 == pytest.approx(float(wanted.f0), rel=1e-4) == pytest.approx(130, rel=0.02)


def test_the_command_writes_a_voice_for_both(exported_folder: Path, recording: Path, tmp_path: Path) -> None:
    file = tmp_path / "me.safetensors"
    done = CliRunner().invoke(app, ["clone", str(recording), "-o", str(file), "--model", str(exported_folder)])
    assert done.exit_code == 0, done.output
    assert Voice.load(file).embedding.shape == OnnxBundle.open(exported_folder).voice(str(file)).embedding.shape


@pytest.mark.parametrize("text", ["I say \udcffthis.", "I say this.\ud83d"])
def test_a_text_that_is_not_utf8_is_kept_as_it_is_spoken(
    tiny_folder: Path, exported: OnnxBundle, recording: Path, tmp_path: Path, text: str
) -> None:
    """As a terminal passes bytes of another encoding."""
    bundle = Bundle.open(tiny_folder)
    recorded_voice(bundle, bundle.frontend(), recording, text).save(tmp_path / "a.safetensors")
    clone(exported, exported.frontend(), recording, text).save(tmp_path / "b.safetensors")
    for name in ("a", "b"):
        assert Voice.load(tmp_path / f"{name}.safetensors").text == "I say this."


def test_a_text_that_cannot_be_read_is_refused_before_any_work(
    tiny_folder: Path, exported: OnnxBundle, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = Bundle.open(tiny_folder)
    monkeypatch.setattr("glmtts.synthesis.voice.voice_of", lambda *given: pytest.fail("it worked first"))
    monkeypatch.setattr("glmtts.onnx.clone._voice_of", lambda *given: pytest.fail("it worked first"))
    for make in (
        lambda: recorded_voice(bundle, bundle.frontend(), recording, "…😀\udcff"),
        lambda: clone(exported, exported.frontend(), recording, "…😀\udcff"),
    ):
        with pytest.raises(VoiceError, match="text of the recording cannot be used"):
            make()


def test_what_is_no_recording_of_a_voice_is_refused(exported: OnnxBundle, tmp_path: Path) -> None:
    for name, samples, said in (("short", 9000, "A voice needs 1 second"), ("silent", 48000, "is silent")):
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(samples), 24000)
        with pytest.raises(VoiceError, match=said):
            clone(exported, exported.frontend(), tmp_path / f"{name}.wav", None)
