"""Speech without PyTorch: in a process that cannot import it, by the command line, and where something is missing."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

import glmtts
from glmtts.audio.fade import faded
from glmtts.cli import app
from glmtts.errors import BundleError, ConfigError, TextError, VoiceError
from glmtts.onnx.bundle import OnnxBundle
from glmtts.onnx.export import export
from glmtts.onnx.stream import MelStream
from glmtts.onnx.synthesizer import OnnxSynthesizer
from glmtts.synthesis.voice import Voice
from tests.onnx.without import REFUSE_TORCH

WITHOUT_TORCH = f"""{REFUSE_TORCH}
from glmtts.cli import main
sys.argv = ["glm-tts", *sys.argv[1:]]
main()
"""


def test_the_command_line_speaks_without_pytorch(exported_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    command = [sys.executable, "-c", WITHOUT_TORCH, "say", "Good morning. 你好。", "--model", str(exported_folder)]
    done = subprocess.run([*command, "--runtime", "onnx", "-o", str(out)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    samples, rate = soundfile.read(out)
    assert rate == 24000 and len(samples) > 2400


def test_what_needs_pytorch_is_one_sentence_without_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_TORCH, "say", "Hi.", "-o", str(tmp_path / "x.wav")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "needs PyTorch" in done.stderr, done.stderr


def test_a_seed_says_what_is_spoken_and_a_stream_says_it_whole(exported: OnnxBundle) -> None:
    with OnnxSynthesizer(exported) as tts:
        one, same, other = (tts.say("Good morning.", seed=seed).samples for seed in (1, 1, 2))
        assert (one == same).all() and (len(one) != len(other) or (one != other).any())
        text = "Good morning, everybody. The rain in Spain stays mainly in the plain, and so do we."
        chunks = list(tts.stream(text, seed=3))
        assert len(chunks) >= 2 and all(chunk.rate == 24000 for chunk in chunks)
        fast = sum(chunk.seconds for chunk in tts.stream(text, seed=3, speed=2.0))
        assert fast == pytest.approx(sum(chunk.seconds for chunk in chunks) / 2, rel=0.05)


def test_a_piece_continues_those_before_it_where_the_model_is_made_for_that(exported: OnnxBundle) -> None:
    text = "The rain in Spain stays mainly in the plain, and so do we. " * 4
    with OnnxSynthesizer(exported) as tts:
        pieces = tts.frontend.prepare(text)
        first = len(tts.say(pieces[0].text, seed=3).samples) - 2400  # the end of a text is faded
        assert len(pieces) > 1
        plain = tts.say(text, seed=3).samples, np.concatenate([one.samples for one in tts.stream(text, seed=3)])
        tts.defaults = tts.defaults.model_copy(update={"history_tokens": 200})
        told = tts.say(text, seed=3).samples, np.concatenate([one.samples for one in tts.stream(text, seed=3)])
        for with_history, without in zip(told, plain, strict=True):
            assert np.array_equal(with_history[:first], without[:first])
            size = min(len(with_history), len(without))
            assert not np.array_equal(with_history[:size], without[:size])


def test_warnings_come_with_the_chunk_that_follows_them(exported: OnnxBundle) -> None:
    with OnnxSynthesizer(exported) as tts:
        text = "Good morning. \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35 is a greeting."
        whole = tts.say(text).warnings
        chunks = [chunk.warnings for chunk in tts.stream(text)]
        assert whole and tuple(warning for chunk in chunks for warning in chunk) == whole


@pytest.mark.parametrize(
    "damage",
    [
        {"f0": np.array(0.0)},
        {"tokens": np.array([-1])},
        {"tokens": np.array([99999])},
        {"embedding": np.zeros(7)},
        {"mel": np.zeros((3, 2))},
        {"mel": np.zeros((80, 2))},
        {"tokens": np.zeros(4, np.int64), "mel": np.zeros((80, 12))},
        {"adaptation": np.full((1, 2), np.nan)},
    ],
)
def test_a_voice_that_is_none_or_another_models_is_refused(
    exported: OnnxBundle, tmp_path: Path, damage: dict[str, np.ndarray]
) -> None:
    good = exported.voice("tone")
    bare = replace(good, text="", tokens=good.tokens[:0], mel=good.mel[:, :0])
    replace(bare, **damage).save(tmp_path / "voice.safetensors")  # type: ignore[arg-type]
    with pytest.raises(VoiceError, match=r"not a saved voice|of other sizes"):
        exported.voice(str(tmp_path / "voice.safetensors"))


def test_what_cannot_be_spoken_is_one_sentence(exported: OnnxBundle, exported_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="nor a saved voice"):
        exported.voice("me.voice")
    with pytest.raises(VoiceError, match=r"gone\.safetensors is not a file\. Give that of a saved voice"):
        exported.voice(str(tmp_path / "gone.safetensors"))
    # of one byte a number, of which NumPy has no type
    header = {"f0": {"dtype": "F8_E4M3", "shape": [], "data_offsets": [0, 1]}}
    text = json.dumps(header).encode()
    (tmp_path / "odd.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + b"\0")
    with pytest.raises(VoiceError, match=r"odd\.safetensors is not a saved voice"):
        exported.voice(str(tmp_path / "odd.safetensors"))
    with pytest.raises(VoiceError, match=r"glm-tts voice merge me\.glmvoice"):
        exported.voice("me.glmvoice")
    with pytest.raises(VoiceError, match="Did you mean 'tone'"):
        exported.voice("tome")
    with OnnxSynthesizer(exported) as tts, pytest.raises(VoiceError, match="'tone' is no recording"):
        tts.voice("tone", "What the recording says.")
    with pytest.raises(BundleError, match="glm-tts export-onnx"):
        OnnxBundle.open(tmp_path)
    with pytest.raises(BundleError, match="is there already"):
        export(None, exported_folder)
    broken = Path(shutil.copytree(exported_folder, tmp_path / "broken"))
    (broken / "vocoder.onnx").write_bytes(b"no graph")
    with pytest.raises(BundleError, match=r"vocoder\.onnx is corrupt"):
        _ = OnnxBundle.open(broken).vocoder


def test_a_voice_that_python_gives_must_fit_the_model_too(exported: OnnxBundle, tiny_folder: Path) -> None:
    """As one of another model's, or of the other runtime."""
    good = exported.voice("tone")
    with OnnxSynthesizer(exported) as tts:
        assert tts.voice(good) == good
        other = replace(good, made_with={}, embedding=np.zeros(7, np.float32))
        for say in (lambda: tts.say("Hi.", other), lambda: next(tts.stream("Hi.", other))):
            with pytest.raises(VoiceError, match="of other sizes"):
                say()
        foreign = Voice.load(tiny_folder / "voices" / "tone.safetensors")
        with pytest.raises(VoiceError, match=r"^A voice of the type Voice is none of this runtime\. Save it"):
            tts.voice(foreign)  # type: ignore[arg-type]


def test_a_text_without_room_for_speech_is_one_sentence(exported: OnnxBundle) -> None:
    state = exported.lm.new_state(exported.audio_tokens)
    with pytest.raises(TextError, match=r"is 2048 tokens .* takes 2048 .* Give a shorter text"):
        exported.lm.prefill(state, [5] * 2048, 1)
    assert exported.lm.prefill(state, [5] * 3, 2).shape == (2, exported.config.lm.choices)


def test_a_vocoder_that_does_not_say_how_far_it_sees_waits_for_all(exported_folder: Path, tmp_path: Path) -> None:
    changed = Path(shutil.copytree(exported_folder, tmp_path / "changed"))
    values = json.loads((changed / "onnx.json").read_text(encoding="utf-8"))
    (changed / "onnx.json").write_text(json.dumps({**values, "look_ahead": None}), encoding="utf-8")
    bundle = OnnxBundle.open(changed, threads=1)
    mel = np.random.default_rng(0).normal(-5, 1, (80, 90)).astype(np.float32)
    stream = MelStream(bundle)
    parts = [stream.feed(mel[:, :40], False), stream.feed(mel[:, 40:], True)]
    whole = faded(bundle.vocoder(mel).clip(-1, 1), 24000)
    assert np.array_equal(np.concatenate(parts), whole)


def test_the_name_of_a_voice_may_have_a_point_within(exported_folder: Path, tmp_path: Path) -> None:
    changed = Path(shutil.copytree(exported_folder, tmp_path / "changed"))
    values = json.loads((changed / "onnx.json").read_text(encoding="utf-8"))
    values["voices"]["tone.v2"] = values["voices"]["tone"]
    (changed / "onnx.json").write_text(json.dumps(values), encoding="utf-8")
    assert len(OnnxBundle.open(changed).voice("tone.v2").tokens)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"look_ahead": -5}, "look_ahead"),
        ({"synthesis": {"drafts": None, "draft_nll": 0.8}}, "drafts must be a list"),
        ({"synthesis": {"blocks": [0]}}, "blocks"),
    ],
)
def test_a_description_that_cannot_be_spoken_with_is_one_sentence(
    exported_folder: Path, tmp_path: Path, change: dict[str, object], said: str
) -> None:
    changed = Path(shutil.copytree(exported_folder, tmp_path / "changed"))
    path = changed / "onnx.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(BundleError, match=f"is corrupt.*{said}"):
        glmtts.load_onnx(changed)


def test_the_runtime_follows_the_model(tiny_folder: Path) -> None:
    given = ["say", "Hi.", "--runtime", "onnx"]
    with pytest.raises(ConfigError, match="Which model"):
        CliRunner().invoke(app, given, catch_exceptions=False)
    with pytest.raises(BundleError, match="no exported model"):
        CliRunner().invoke(app, [*given, "--model", str(tiny_folder)], catch_exceptions=False)
    with pytest.raises(ConfigError, match="Choose --bits 8 or 4"):
        CliRunner().invoke(app, ["export-onnx", "out", "--bits", "5"], catch_exceptions=False)
    with pytest.raises(ConfigError, match="no runtime 'jax'"):
        CliRunner().invoke(app, ["say", "Hi.", "--runtime", "jax"], catch_exceptions=False)


def test_an_export_that_fails_leaves_nothing(tiny_folder: Path, tmp_path: Path) -> None:
    source = Path(shutil.copytree(tiny_folder, tmp_path / "source"))
    for path in (source / "voices").iterdir():  # copied after the stages
        path.unlink()
    out = tmp_path / "exported/tiny"
    with pytest.raises(BundleError, match="voices"):
        export(source, out)
    assert list((tmp_path / "exported").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(BundleError, match="another folder"):
        export(tiny_folder, tmp_path / "file/out")


@pytest.mark.parametrize("threads", [0, -1, 100_000])
def test_a_number_of_threads_is_one_that_machines_have(exported_folder: Path, threads: int) -> None:
    with pytest.raises(ConfigError, match=f"number of threads is {threads}. Choose 1 to 1024"):
        glmtts.load_onnx(exported_folder, threads)


def test_voices_lie_where_the_bundle_keeps_them(tiny_folder: Path, tmp_path: Path) -> None:
    source = Path(shutil.copytree(tiny_folder, tmp_path / "source"))
    (source / "people/of").mkdir(parents=True)
    (source / "voices/tone.safetensors").rename(source / "people/of/tone.safetensors")
    values = json.loads((source / "bundle.json").read_text())
    values["voices"]["tone"]["file"] = "people/of/tone.safetensors"
    (source / "bundle.json").write_text(json.dumps(values))
    export(source, tmp_path / "out")
    assert (tmp_path / "out/people/of/tone.safetensors").is_file()
    assert len(OnnxBundle.open(tmp_path / "out").voice("tone").tokens)
