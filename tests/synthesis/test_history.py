"""Earlier pieces of a text, which the language model continues: how many, what may leak of them, and in a book."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import glmtts
from glmtts.synthesis.history import History
from glmtts.synthesis.reading import read_book, spoken_pieces
from glmtts.synthesis.segment import Segment
from glmtts.synthesis.synthesizer import Synthesizer

LINES = ["今天天气很好，我们去公园散步吧。\n", "Good morning. How are you?\n", "再见！\n"]


@pytest.fixture(scope="module")
def tts(tiny_folder: Path) -> Iterator[Synthesizer]:
    with glmtts.load(tiny_folder) as made:
        made.defaults = made.defaults.model_copy(update={"history_tokens": 400, "candidates": 1})
        yield made


@pytest.fixture(scope="module")
def segment(tts: Synthesizer) -> Segment:
    (one,) = tts.segments(tts.frontend.prepare("Good morning."), None, 3, {})
    return one


def test_what_fits_no_prompt_is_forgotten(segment: Segment) -> None:
    history = History(10)
    for number in range(5):
        history.add(segment, [number] * 4)
    assert [piece.tokens for piece in history.before(segment).history] == [[3] * 4, [4] * 4]
    history.add(segment, [5] * 11)
    assert not history.before(segment).history
    never = History(0)
    assert never.add(segment, [1]) is None and not never.before(segment).history


def test_what_may_leak_is_what_stands_last_in_the_prompt(tts: Synthesizer, segment: Segment) -> None:
    prompter, history = tts.generator._prompter, History(400)
    history.add(segment, [3] * 40)
    continued = history.before(segment)
    assert prompter.target(continued).prompt_tokens == [3] * 40
    settings = segment.settings.model_copy(update={"history_tokens": 20})
    without = replace(continued, settings=settings)
    prompts = [prompter.requests(one, [0], tts.bundle.lm)[0].prompt_ids for one in (without, segment)]
    assert prompts[0] == prompts[1], "there is no room for the earlier piece"
    assert prompter.target(without) == prompter.target(segment)


def test_earlier_pieces_go_where_the_model_has_no_room(tts: Synthesizer, segment: Segment) -> None:
    """Of the longest history that is asked for, as many pieces as leave positions for the speech; never an error."""
    model, history = tts.bundle.lm, History(10**9)
    for number in range(40):
        history.add(segment, [number] * (model.max_positions // 10))
    settings = segment.settings.model_copy(update={"history_tokens": 10**9})
    continued = replace(history.before(segment), settings=settings)
    (request,) = tts.generator._prompter.requests(continued, [0], model)
    first = tts.bundle.audio_tokens.first
    kept = {number - first for number in request.prompt_ids if first <= number < first + 40}
    assert 39 in kept and 0 not in kept
    assert len(request.prompt_ids) + settings.sampling.max_ratio * request.text_length <= model.max_positions


def test_a_book_continues_its_earlier_pieces(tts: Synthesizer, tmp_path: Path) -> None:
    """Piece by piece, whole, and broken off: the pieces that follow go on from those that were read before."""
    spoken = [(piece, samples.numpy()) for piece, samples in spoken_pieces(tts, LINES, seed=5)]
    read_book(tts, LINES, tmp_path / "whole.wav", seed=5)

    def stop(piece: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_book(tts, LINES, tmp_path / "broken.wav", seed=5, progress=stop)
    read_book(tts, LINES, tmp_path / "broken.wav", seed=5)
    whole, broken = (soundfile.read(tmp_path / f"{name}.wav")[0] for name in ("whole", "broken"))
    assert np.array_equal(whole, broken)
    np.testing.assert_allclose(np.concatenate([samples for _, samples in spoken]), whole, atol=1e-3)
    for number, (piece, samples) in enumerate(spoken):
        _, lone, pauses, _ = tts.speak_timed(piece, seed=5 + number)
        assert np.array_equal(samples, np.pad(lone.numpy(), pauses)) == (number == 0), (
            "the first alone continues nothing"
        )
