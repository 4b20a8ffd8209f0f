"""The embedded model is whole and speaks both languages."""

import pytest

import glmtts
from glmtts.bundle import embedded
from glmtts.synthesis.synthesizer import Synthesizer


@pytest.fixture(scope="module")
def tts() -> Synthesizer:
    return glmtts.load()


def test_sizes() -> None:
    sizes = [path.stat().st_size for path in embedded().rglob("*") if path.is_file()]
    assert sum(sizes) < 100e6
    assert max(sizes) < 50e6


def test_every_file_is_what_it_was(tts: Synthesizer) -> None:
    for name in tts.bundle.config.modules:
        tts.bundle.module(name)
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
