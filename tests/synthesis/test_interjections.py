"""Texts of one sound are spoken whole and end without a click."""

import pytest

import glmtts
from glmtts.synthesis.synthesizer import Synthesizer

TEXTS = ["嗯", "哦。", "啊", "好", "Oh", "Ah.", "Wow", "No."]


@pytest.fixture(scope="module")
def tts() -> Synthesizer:
    return glmtts.load()


@pytest.mark.parametrize(("text", "voice"), [(text, ("heart", "yunxi")[n % 2]) for n, text in enumerate(TEXTS)])
def test_a_lone_interjection_is_whole(tts: Synthesizer, text: str, voice: str) -> None:
    audio = tts.say(text, voice, seed=1)
    loudness = audio.samples[: len(audio.samples) // 240 * 240].view(-1, 240).square().mean(1).sqrt()
    assert (loudness > 0.02 * loudness.max()).sum() * 0.01 >= 0.3
    assert audio.samples[-480:].square().mean().sqrt() < 10 ** (-50 / 20)
