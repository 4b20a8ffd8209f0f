"""Recognisers by name, and what a missing one says."""

import sys

import pytest

from glmtts import asr
from glmtts.asr import _parsed
from glmtts.errors import AsrError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("whisper-base", ("whisper", "base")),
        ("whisper-large-v3", ("whisper", "large-v3")),
        ("whisper:a/folder", ("whisper", "a/folder")),
        ("whisper-hf", ("whisper-hf", "openai/whisper-large-v3")),
        ("whisper-hf:there", ("whisper-hf", "there")),
        ("paraformer-zh", ("paraformer", "paraformer-zh")),
        ("paraformer:there", ("paraformer", "there")),
        ("sensevoice", ("sensevoice", "iic/SenseVoiceSmall")),
        ("reverb", ("reverb", "reverb_asr_v1")),
    ],
)
def test_a_name_is_a_family_and_a_model(name: str, expected: tuple[str, str]) -> None:
    assert _parsed(name) == expected


@pytest.mark.parametrize("name", ["", "whisper-", "whisper:", "google", "google:large"])
def test_an_unknown_name_is_one_sentence(name: str) -> None:
    with pytest.raises(AsrError, match="Known are whisper-SIZE"):
        asr.load(name)


@pytest.mark.parametrize(
    ("name", "module", "command"),
    [
        ("whisper-base", "faster_whisper", r"pip install 'glm-tts\[asr\]'"),
        ("whisper-hf", "transformers", "pip install transformers"),
        ("paraformer-zh", "funasr", "pip install funasr"),
        ("sensevoice", "funasr", "pip install funasr"),
        ("reverb", "wenet", "pip install git"),
    ],
)
def test_a_missing_backend_names_its_command(
    name: str, module: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(AsrError, match=f"{module}.*{command}"):
        asr.load(name)


def test_a_missing_model_is_told(tmp_path) -> None:
    pytest.importorskip("faster_whisper")
    with pytest.raises(AsrError, match="cannot be loaded"):
        asr.load(f"whisper:{tmp_path}", local_only=True)
