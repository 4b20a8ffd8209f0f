"""Texts, voices and seeds come in any form that Python goes through; what is no text is one sentence."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import glmtts
from glmtts.errors import ConfigError, TextError
from glmtts.synthesis.preparing import one_each
from glmtts.synthesis.reading import read_book
from glmtts.synthesis.synthesizer import Synthesizer


@pytest.fixture(scope="module")
def tts(tiny_folder: Path) -> Iterator[Synthesizer]:
    with glmtts.load(tiny_folder) as made:
        yield made


def test_a_batch_may_come_from_generators(tts: Synthesizer) -> None:
    texts, seeds = ["Hello.", "Good morning."], [1, 2]
    listed = tts.say_batch(texts, ["tone", "tone"], seeds=seeds)
    made = tts.say_batch((text for text in texts), (name for name in ["tone", "tone"]), seeds=iter(seeds))
    arrays = tts.say_batch(np.array(texts), np.array(["tone", "tone"]), seeds=np.array(seeds))
    for one, *others in zip(listed, made, arrays, strict=True):
        assert all(torch.equal(one.samples, other.samples) for other in others)


def test_a_seed_may_be_a_number_of_numpy(tts: Synthesizer, tmp_path: Path) -> None:
    seed = np.random.default_rng(0).integers(9)
    for speak in (tts.say, lambda text, seed: torch.cat([one.samples for one in tts.stream(text, seed=seed)])):
        speak("Hello.", seed=seed)
    assert read_book(tts, "Hello.", tmp_path / "a.wav", seed=seed) > 0


@pytest.mark.parametrize("texts", ["Hello.", b"Hello.", None, 3])
def test_one_text_in_the_place_of_a_list_is_one_sentence(tts: Synthesizer, texts: object) -> None:
    with pytest.raises(ConfigError, match=r"Give several texts as a list, or one text to `say`\."):
        tts.say_batch(texts)  # type: ignore[arg-type]


def test_one_seed_in_the_place_of_a_list_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match=r"seeds are 3\. Give a list"):
        one_each(["Hello."], None, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", [None, 3, b"Hello.", ["Hello."]])
def test_what_is_no_text_is_one_sentence(tts: Synthesizer, text: object) -> None:
    said = r"Give each text as a str\."
    with pytest.raises(TextError, match=said):
        tts.say(text)  # type: ignore[arg-type]
    with pytest.raises(TextError, match=said):
        tts.say_batch(["Hello.", text])  # type: ignore[list-item]
    with pytest.raises(TextError, match=said):
        list(tts.stream(["Hello. ", text]))  # type: ignore[list-item]
    if not isinstance(text, list):  # which is a text in parts
        with pytest.raises(TextError, match=said):
            list(tts.stream(text))  # type: ignore[arg-type]
