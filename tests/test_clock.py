"""One clock: other rates than the usual ones speak, or are refused with a sentence."""

import json
import shutil
from pathlib import Path

import pytest
import torch

import glmtts
from glmtts.bundle import Bundle, save_config, save_module
from glmtts.errors import BundleError
from glmtts.flow.dit import DiT
from glmtts.judging.recogniser import TokenRecogniser
from glmtts.speech_tokenizer.model import SpeechTokenizer
from glmtts.stages import Clock
from glmtts.synthesis.voice import voice_of
from glmtts.vocoder.vocos2d import Vocos2D
from tests.tiny import TINY_VOCODER, tiny_flow, tiny_speech_tokenizer

MEL_32K = {"sample_rate": 32000, "n_fft": 2560, "hop_length": 640}
MEL_100HZ = {"hop_length": 240}
MEL_25HZ = {"n_fft": 1920, "hop_length": 960}


def with_rates(folder: Path, pooling: int, frames_per_token: int, mel: dict[str, int]) -> Path:
    """The bundle in `folder` with parts of other rates."""
    torch.manual_seed(0)
    config = Bundle.open(folder).config
    tokenizer = SpeechTokenizer(tiny_speech_tokenizer().config.model_copy(update={"pooling": pooling}))
    rates = {key: value for key, value in mel.items() if key != "hop_length"}
    flow = DiT(tiny_flow().config.model_copy(update={"frames_per_token": frames_per_token, **rates}))
    vocoder = Vocos2D(TINY_VOCODER.model_copy(update={**mel, "bands": 64 if "sample_rate" in mel else 60}))
    parts = {
        "speech_tokenizer": ("whisper_vq", tokenizer),
        "token_recogniser": ("token_recogniser", TokenRecogniser(tokenizer.config)),
        "flow": ("dit", flow),
        "vocoder": ("vocos2d", vocoder),
    }
    entries = {name: save_module(folder, name, kind, part, part.config) for name, (kind, part) in parts.items()}
    modules = {**config.modules, **entries}
    rate = mel.get("sample_rate", 24000)
    save_config(folder, config.model_copy(update={"modules": modules, "sample_rate": rate}))
    return folder


@pytest.fixture
def copy(tiny_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_folder, tmp_path / "copy"))


@pytest.mark.parametrize(
    ("pooling", "frames_per_token", "mel"),
    [(4, 4, {}), (2, 4, MEL_100HZ), (2, 2, MEL_32K), (4, 2, MEL_25HZ)],
    ids=["12.5 Hz tokens", "four frames a token", "32 kHz", "12.5 Hz tokens and 25 Hz mel"],
)
def test_other_rates_speak_and_keep_time(copy: Path, pooling: int, frames_per_token: int, mel: dict[str, int]) -> None:
    tts = glmtts.load(with_rates(copy, pooling, frames_per_token, mel))
    rate, clock = mel.get("sample_rate", 24000), tts.bundle.clock
    assert clock.samples_per_token == rate * pooling // 50
    tone = 0.3 * torch.sin(torch.arange(2 * rate) / rate * 1500)
    voice = voice_of(tts.bundle, tone, "A tone.")
    assert len(voice.tokens) == 100 // pooling
    assert voice.mel.shape[1] == frames_per_token * len(voice.tokens)
    whole, streamed = tts.say("Hello there.", voice), list(tts.stream("Hello there.", voice))
    assert whole.rate == streamed[0].rate == rate
    assert len(whole.samples) % clock.samples_per_token == 0
    segment = tts.segments(tts.frontend.prepare("Hello there."), voice, 0, {})[0]
    tokens = list(tts.generator.stream(segment))
    assert sum(len(chunk.samples) for chunk in streamed) == len(tokens) * clock.samples_per_token


def test_parts_that_keep_other_times_are_refused(copy: Path) -> None:
    with pytest.raises(BundleError, match=r"25 tokens a second with 4 mel frames each are not the 50 frames"):
        Bundle.open(with_rates(copy, 2, 4, {}))


def test_a_vocoder_of_another_rate_is_refused(copy: Path) -> None:
    with_rates(copy, 2, 2, MEL_32K)
    description = json.loads((copy / "bundle.json").read_text())
    (copy / "bundle.json").write_text(json.dumps({**description, "sample_rate": 24000}))
    with pytest.raises(BundleError, match="24000 Hz and its vocoder 32000"):
        Bundle.open(copy)
    description["modules"]["flow"]["config"]["n_mels"] = 100
    (copy / "bundle.json").write_text(json.dumps(description))
    with pytest.raises(BundleError, match="flow of 100 mel bins"):
        Bundle.open(copy)


def test_the_embedded_bundle_has_the_released_clock() -> None:
    clock = Bundle.open().clock
    assert clock == Clock(25, 2, clock.mel)
    assert (clock.mel.sample_rate, clock.mel.hop_length, clock.samples_per_token) == (24000, 480, 960)
