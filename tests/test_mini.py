"""The embedded model is whole and speaks both languages."""

from typing import Any

import pytest
import torch

import glmtts
from glmtts.audio.mel import LogMel, MelConfig
from glmtts.audio.resample import resample
from glmtts.bundle import embedded
from glmtts.synthesis.rendering import Job
from glmtts.synthesis.synthesizer import Synthesizer
from glmtts.text.edits import edit_distance
from glmtts.text.frontend import phonemes_of
from glmtts.text.labels import without_boundaries

NEAR = 0.5  # mean distance of log-mels; that of two seeds is about 1


@pytest.fixture(scope="module")
def tts() -> Synthesizer:
    return glmtts.load()


def test_sizes() -> None:
    sizes = [path.stat().st_size for path in embedded().rglob("*") if path.is_file()]
    assert sum(sizes) < 100e6
    assert max(sizes) < 50e6


def test_every_file_is_what_it_was(tts: Synthesizer) -> None:
    tts.bundle.load_all()
    for name in tts.voices:
        tts.voice(name)


def test_six_voices_in_both_languages_and_genders(tts: Synthesizer) -> None:
    descriptions = list(tts.voices.values())
    assert len(descriptions) >= 6
    for wanted in ("Mandarin, female", "Mandarin, male", "English, female", "English, male"):
        assert any(wanted in description for description in descriptions)


@pytest.mark.parametrize("text", ["The rain in Spain.", "今天天气很好。"])
def test_speaks(tts: Synthesizer, text: str) -> None:
    audio = tts.say(text, steps=4)
    assert 0.2 < audio.seconds < 12
    assert audio.samples.std() > 1e-3


def test_a_sentence_costs_few_forwards_of_the_recogniser(tts: Synthesizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drafts without doubt are read once, all together, and are rendered once."""
    forwards, log_probs = [], tts.bundle.recogniser.log_probs

    def counted(*given: Any) -> torch.Tensor:
        forwards.append(given)
        return log_probs(*given)

    monkeypatch.setattr(tts.bundle.recogniser, "log_probs", counted)
    tts.say("The rain in Spain stays mainly in the plain.")
    assert 1 <= len(forwards) <= 6


@pytest.mark.parametrize("text", ["Oh", "I", "啊"])
def test_a_text_of_one_sound_is_spoken(tts: Synthesizer, text: str) -> None:
    assert 0.1 < tts.say(text).seconds < 2
    assert 0.1 < sum(chunk.seconds for chunk in tts.stream(text)) < 2


@pytest.mark.parametrize("text", ["I would like to read you a short story.", "今天天气很好，我们去公园散步吧。"])
def test_what_it_says_is_what_was_asked_for(tts: Synthesizer, text: str) -> None:
    spoken = resample(tts.say(text).samples, 24000, 16000)
    tokens = tts.bundle.speech_tokenizer.tokenize(spoken)
    reading = tts.judge.reading(tokens.tolist())
    assert reading is not None
    wanted = phonemes_of(" ".join(tts.frontend.to_hybrid(piece.text) for piece in tts.frontend.prepare(text)))
    heard, wanted = map(without_boundaries, (reading.labels, wanted))
    assert edit_distance(heard, wanted) < 0.4 * len(wanted)


@pytest.mark.parametrize("text", ["I would like to read you a short story.", "今天天气很好，我们去公园散步吧。"])
def test_a_stream_is_near_the_whole(tts: Synthesizer, text: str) -> None:
    streamed = torch.cat([chunk.samples for chunk in tts.stream(text, seed=1)])
    (segment,) = tts.segments(tts.frontend.prepare(text), None, 1, {})
    (whole,) = tts.renderer.render([Job(segment, list(tts.generator.stream(segment)))])
    assert len(streamed) == len(whole)
    mel = LogMel(MelConfig())
    assert (mel(streamed[None]) - mel(whole[None])).abs().mean() < NEAR
