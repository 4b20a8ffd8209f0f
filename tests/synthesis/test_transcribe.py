"""A recording's text, where somebody can hear it."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch

import glmtts
from glmtts.audio.io import write_audio
from glmtts.synthesis import transcribe as module


@pytest.fixture(autouse=True)
def fresh() -> None:
    module._recogniser.cache_clear()


def whisper(heard: list[int], missing: bool = False) -> ModuleType:
    """A stand-in for faster-whisper that hears two words."""
    fake = ModuleType("faster_whisper")

    class WhisperModel:
        def __init__(self, name: str, local_files_only: bool, **options: object) -> None:
            assert local_files_only
            if missing:
                raise OSError("not here")

        def transcribe(self, samples, **options: object):
            heard.append(len(samples))
            texts = (" Hello", " world.")
            parts = [SimpleNamespace(text=text, words=None, tokens=[1], avg_logprob=-0.1) for text in texts]
            return parts, SimpleNamespace(language="en")

    fake.WhisperModel = WhisperModel  # type: ignore[attr-defined]
    return fake


def test_a_recording_without_text_is_heard(tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    monkeypatch.setitem(sys.modules, "faster_whisper", whisper(heard))
    write_audio(tmp_path / "me.wav", 0.3 * torch.sin(torch.arange(48000) / 10), 24000)
    tts = glmtts.load(tiny_folder)
    assert tts.voice(tmp_path / "me.wav").text == "Hello world."
    assert heard == [32000]
    assert tts.voice(tmp_path / "me.wav", "").text == ""
    assert tts.voice(tmp_path / "me.wav", "Mine.").text == "Mine."
    assert len(heard) == 1


def test_without_a_recogniser_there_is_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", whisper([], missing=True))
    assert module.transcribe(torch.zeros(24000), 24000) == ""
    module._recogniser.cache_clear()
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    assert module.transcribe(torch.zeros(24000), 24000) == ""
