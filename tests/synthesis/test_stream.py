"""Streams: text in parts, tokens ahead, samples that are those of the whole."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import glmtts
from glmtts.audio.fade import faded_end
from glmtts.errors import TextError, VoiceError
from glmtts.judging.resampling import ResamplingConfig
from glmtts.synthesis.rendering import Job
from glmtts.synthesis.segment import Segment
from glmtts.synthesis.stream import stream_segment
from glmtts.synthesis.synthesizer import Synthesizer
from glmtts.synthesis.text_stream import pieces_of, sentences
from glmtts.synthesis.vocoding import VocoderStream
from glmtts.text.frontend import Piece


@pytest.fixture(scope="module")
def tts(tiny_folder: Path) -> Synthesizer:
    return glmtts.load(tiny_folder)


@given(st.lists(st.text("ab.。! \n？”", max_size=8)))
def test_sentences_joined_are_the_text(parts: list[str]) -> None:
    assert "".join(sentences(parts)) == "".join(parts)


def test_a_sentence_leaves_when_its_end_is_there(tts: Synthesizer) -> None:
    arrived: list[str] = []

    def parts() -> Iterator[str]:
        for part in ("你好，世", "界。再", "见！Pi is 3", ".14. Bye"):
            arrived.append(part)
            yield part

    pieces = pieces_of(tts.frontend, parts(), None)
    assert next(pieces).text == "你好，世界。"
    assert len(arrived) == 2
    assert "".join(piece.text for piece in pieces).count("three point one four") == 1


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("The answer is No. 5 on the list. Yes.", ["The answer is No. 5 on the list.", " Yes."]),
        ("I met Mr. Smith on Jan. 5 at St. Mary. He left.", ["I met Mr. Smith on Jan. 5 at St. Mary.", " He left."]),
        ("J. Smith, see Fig. 3. Next.", ["J. Smith, see Fig. 3.", " Next."]),
        ("Come at 5 p.m. today. Or at 6 p.m. Then go.", ["Come at 5 p.m. today.", " Or at 6 p.m.", " Then go."]),
        ("We saw Mr.\nSmith.", ["We saw Mr.\nSmith."]),
        ("No. He stayed. Yes.", ["No.", " He stayed.", " Yes."]),
        ("It was in May. We left on Sept. 5 again.", ["It was in May.", " We left on Sept. 5 again."]),
        ("So do I. In seat 5A. The end.", ["So do I.", " In seat 5A.", " The end."]),
        ("The U.N. said so.", ["The U.N. said so."]),
    ],
)
def test_abbreviations_end_no_sentence(text: str, wanted: list[str]) -> None:
    assert list(sentences([text])) == wanted
    assert list(sentences(text)) == wanted


def test_text_with_nothing_to_speak_is_refused(tts: Synthesizer) -> None:
    with pytest.raises(TextError, match="nothing to speak"):
        list(tts.stream(iter(["…", "！"])))
    with pytest.raises(VoiceError):
        next(tts.stream("Hello.", "nobody"))


@pytest.mark.parametrize("show_prompt", [True, False])
def test_every_sample_is_that_of_the_whole_mel(
    tts: Synthesizer, monkeypatch: pytest.MonkeyPatch, show_prompt: bool
) -> None:
    mels: list[torch.Tensor] = []
    vocoder = tts.bundle.vocoder
    options = tts.defaults.model_copy(update={"blocks": (10, 20), "show_prompt": show_prompt})
    tokens = torch.randint(16, (73,)).tolist()
    segment = Segment(Piece(""), "", tts.voice(), options, 1)
    monkeypatch.setattr("glmtts.synthesis.stream._finish", _recording(mels))
    chunks = list(stream_segment(tts.bundle, iter(tokens), segment))
    assert len(chunks) > 2
    whole = faded_end(vocoder(torch.cat(mels, dim=2))[0].clamp(-1, 1), 24000)
    torch.testing.assert_close(torch.cat(chunks), whole, atol=1e-5, rtol=0)


def test_one_block_without_a_prompt_is_the_whole(tts: Synthesizer) -> None:
    options = tts.defaults.model_copy(update={"blocks": (200,), "show_prompt": False})
    tokens = torch.randint(16, (40,)).tolist()
    segment = Segment(Piece(""), "", tts.voice(), options, 1)
    streamed = torch.cat(list(stream_segment(tts.bundle, iter(tokens), segment)))
    torch.testing.assert_close(streamed, tts.renderer.render([Job(segment, tokens)])[0], atol=1e-4, rtol=0)


@torch.inference_mode()
@pytest.mark.parametrize("voice", ["heart", "yunxi"])
def test_the_embedded_vocoder_streams_what_it_says_of_the_whole(voice: str) -> None:
    tts = glmtts.load()
    mel_BMT = tts.voice(voice).mel[None]
    whole_N = tts.bundle.vocoder(mel_BMT)[0].clamp(-1, 1)
    stream = VocoderStream(tts.bundle.vocoder, torch.device("cpu"))
    parts = [stream.feed(part_BMT) for part_BMT in mel_BMT.split(37, dim=2)]
    streamed_N = torch.cat([*parts, stream.feed(mel_BMT[..., :0], ended=True)])
    before_the_fade = len(whole_N) - 2400
    error_N = (streamed_N - whole_N)[:before_the_fade]
    assert len(streamed_N) == len(whole_N) and sum(len(part) > 0 for part in parts) > 2
    # what it waits for is not all that samples depend on: the rest is not heard
    loudest = whole_N.unfold(0, 480, 480).square().mean(1).amax()
    assert 0 < error_N.unfold(0, 480, 480).square().mean(1).amax() < 1e-5 * loudest  # −50 dB in the worst frame


def _recording(mels: list[torch.Tensor]):
    from glmtts.synthesis import stream

    original = stream._finish

    def finish(bundle, state, segment, upto) -> torch.Tensor:
        mels.append(original(bundle, state, segment, upto))
        return mels[-1]

    return finish


def test_the_first_chunk_leaves_before_the_last_token(tts: Synthesizer, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []

    def tokens(piece: Segment) -> Iterator[int]:
        for number in range(200):
            drawn.append(number)
            yield number % 16

    monkeypatch.setattr(tts.generator, "stream", tokens)
    chunks = tts.stream("Hello there.")
    first = next(chunks)
    assert first.seconds > 0
    assert len(drawn) < 100
    chunks.close()
    assert len(drawn) < 100


def test_streams_as_long_as_it_says(tts: Synthesizer) -> None:
    text = "今天天气很好，我们去公园散步吧。" * 4
    chunks = list(tts.stream(text, seed=3))
    again = list(tts.stream(iter(text), seed=3))
    joined = torch.cat([chunk.samples for chunk in chunks])
    assert torch.equal(joined, torch.cat([chunk.samples for chunk in again]))
    options = tts.defaults
    pieces = tts.frontend.prepare(text)
    tokens = [
        list(tts.generator.stream(Segment(piece, tts.frontend.to_hybrid(piece.text), tts.voice(), options, 3 + i)))
        for i, piece in enumerate(pieces)
    ]
    pause = int(options.pause_seconds * 24000)
    assert len(joined) == 960 * sum(map(len, tokens)) + pause * (len(pieces) - 1)


@pytest.mark.parametrize("heard", [True, False])
def test_candidates_that_cannot_compete_are_one_in_a_stream(
    tts: Synthesizer, monkeypatch: pytest.MonkeyPatch, heard: bool
) -> None:
    """Several would agree when all have ended, and nothing would leave before."""
    rows: list[int] = []
    step = tts.bundle.lm.step

    def counted(state: object, codes: list[int]) -> torch.Tensor:
        rows.append(len(codes))
        return step(state, codes)

    monkeypatch.setattr(tts.bundle.lm, "step", counted)
    if not heard:
        monkeypatch.setattr(tts.judge, "recogniser", None)
    (segment,) = tts.segments(tts.frontend.prepare("Hello there."), None, 3, {})
    how = segment.settings.model_copy(update={"resampling": ResamplingConfig(interval=4), "candidates": 3})
    assert list(tts.generator.stream(replace(segment, settings=how)))
    assert max(rows) == (3 if heard else 1)


def test_words_come_also_where_all_samples_had_left(tts: Synthesizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A vocoder that looks nowhere ahead has sent the last sample before anybody knows that no token follows."""
    monkeypatch.setattr(tts, "_blocks", lambda segment, tokens: (np.zeros(960, np.float32) for _ in tokens))
    parts = list(tts.stream_timed(tts.frontend.prepare("Hello there. Good morning, my friend."), seed=3))
    assert sum(isinstance(part, list) for part in parts) == len(
        tts.frontend.prepare("Hello there. Good morning, my friend.")
    )
