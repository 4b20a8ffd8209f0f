"""Synthesis on a GPU: everything that the CPU does, with the same tokens where nothing is drawn by chance."""

from pathlib import Path

import torch

import glmtts
from glmtts.audio.io import write_audio
from glmtts.audio.mel import LogMel
from glmtts.synthesis.rendering import Job

GREEDY = {"temperature": 0.0, "candidates": 1}
TEXTS = ["Good morning.", "今天天气很好，我们去公园散步吧。"]


def test_rendering_is_that_of_the_cpu() -> None:
    """The same tokens and noise through flow and vocoder, as log-mel distance."""
    waves = []
    for device in ("cpu", "cuda"):
        with glmtts.load(device=device) as tts:
            (segment,) = tts.segments(tts.frontend.prepare(TEXTS[0]), None, 1, {})
            waves += tts.renderer.render([Job(segment, list(range(100, 160)))])
    mel = LogMel(glmtts.load().bundle.clock.mel)
    assert (mel(waves[0][None]) - mel(waves[1][None])).abs().mean() < 0.02


def test_greedy_tokens_are_those_of_the_cpu() -> None:
    tokens = []
    for device in ("cpu", "cuda"):
        with glmtts.load(device=device) as tts:
            segments = tts.segments(tts.frontend.prepare(TEXTS[1]), None, 0, GREEDY)  # type: ignore[arg-type]
            tokens.append(dict(tts.generator.generate(segments))[0][0])
    same = sum(a == b for a, b in zip(*tokens, strict=False))
    assert same >= 0.95 * max(map(len, tokens))


def test_clones_streams_and_batches(tmp_path: Path) -> None:
    recording = tmp_path / "me.wav"
    glmtts.load().say("This is a recording of three seconds or so.").save(recording)
    with glmtts.load(device="cuda") as tts:
        voice = tts.voice(recording, "This is a recording of three seconds or so.")
        assert voice.adaptation is not None and voice.adaptation.device.type == "cpu"
        assert tts.say(TEXTS[0], voice).seconds > 0.3
        assert sum(chunk.seconds for chunk in tts.stream(TEXTS[1], voice)) > 1
        together = tts.say_batch(TEXTS, [voice, "xiaoxiao"], seeds=[1, 2])
        assert [audio.samples.device.type for audio in together] == ["cpu", "cpu"]


def test_filter_banks_come_from_any_device(gpu: torch.device) -> None:
    from glmtts.audio.fbank import kaldi_fbank

    samples = torch.randn(16000)
    on_gpu = kaldi_fbank(samples.to(gpu))
    assert on_gpu.device.type == "cuda"
    torch.testing.assert_close(on_gpu.cpu(), kaldi_fbank(samples))


def test_a_short_recording_is_refused_as_on_the_cpu(tmp_path: Path) -> None:
    import pytest

    from glmtts.errors import VoiceError

    write_audio(tmp_path / "short.wav", torch.ones(100) / 2, 16000)
    with glmtts.load(device="cuda") as tts, pytest.raises(VoiceError, match="1 second"):
        tts.voice(tmp_path / "short.wav")
