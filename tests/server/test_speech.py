"""OpenAI's own client speaks through the server, whole and streamed."""

import base64
import io
import json
from typing import Any

import av
import httpx
import numpy as np
import pytest
import soundfile
from openai import NotFoundError, OpenAI

from glmtts.audio.provenance import MARK
from tests.server.running import GatedEngine, Running, wait_until
from tests.server.test_limits import refused

TEXT = "Good morning. 今天天气很好。"
HELLO = "Hello there."
LONG = "The rain in Spain stays mainly in the plain, they say. It rained all day in Madrid, and nobody was surprised."


def decode(data: bytes) -> np.ndarray:
    """Samples by FFmpeg, whatever the format."""
    with av.open(io.BytesIO(data)) as container:
        return np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])


def pcm(client: httpx.Client, **body: Any) -> np.ndarray:
    body = {"model": "tiny", "input": TEXT, "voice": "default", "response_format": "pcm", **body}
    answer = client.post("/v1/audio/speech", json=body)
    assert answer.status_code == 200, answer.text
    return np.frombuffer(answer.content, "<i2")


@pytest.mark.parametrize("format", ["mp3", "opus", "aac", "flac", "wav"])
def test_the_openai_client_speaks_whole(openai_client: OpenAI, format: Any) -> None:
    answer = openai_client.audio.speech.create(model="tiny", input=TEXT, voice="tone", response_format=format)
    assert len(decode(answer.content)) > 10000
    assert answer.response.headers["content-type"].startswith("audio/")


def test_mp3_is_the_default_and_says_that_it_is_synthetic(openai_client: OpenAI) -> None:
    answer = openai_client.audio.speech.create(model="tiny", input=TEXT, voice="default")
    with soundfile.SoundFile(io.BytesIO(answer.content)) as file:
        assert file.format == "MP3"
        assert MARK in file.artist


def test_the_openai_client_speaks_streamed(openai_client: OpenAI, server: Running) -> None:
    with openai_client.audio.speech.with_streaming_response.create(
        model="tiny", input=LONG, voice="tone", response_format="pcm"
    ) as answer:
        streamed = b"".join(answer.iter_bytes(4096))
    assert np.array_equal(np.frombuffer(streamed, "<i2"), pcm(server.client, input=LONG))


def test_audio_leaves_before_the_end_is_made(gated: tuple[Running, GatedEngine]) -> None:
    server, engine = gated
    body = {"model": "tiny", "input": TEXT, "voice": "tone", "response_format": "pcm"}
    engine.gate.release()
    with server.client.stream("POST", "/v1/audio/speech", json=body) as answer:
        assert len(next(answer.iter_raw())) > 0
        assert engine.given == 1
    wait_until(lambda: server.service.active == 0)


def test_server_sent_events(openai_client: OpenAI, server: Running) -> None:
    with openai_client.audio.speech.with_streaming_response.create(
        model="tiny", input=LONG, voice="tone", response_format="pcm", stream_format="sse"
    ) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line]
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert [event["type"] for event in events[:-1]] == ["speech.audio.delta"] * (len(events) - 1)
    assert events[-1]["type"] == "speech.audio.done"
    assert events[-1]["usage"]["output_tokens"] > 10
    audio = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert np.array_equal(np.frombuffer(audio, "<i2"), pcm(server.client, input=LONG))


def test_seed_and_speed(server: Running) -> None:
    first = pcm(server.client, seed=3)
    assert np.array_equal(first, pcm(server.client, seed=3))
    assert not np.array_equal(first[:1000], pcm(server.client, seed=4)[:1000])
    assert abs(len(pcm(server.client, seed=3, speed=2.0)) - len(first) / 2) < 10


def test_options_reach_the_models(server: Running) -> None:
    first = pcm(server.client)
    assert not np.array_equal(first, pcm(server.client, steps=1)[: len(first)])
    assert len(pcm(server.client, temperature=0.5, guidance=0, language="zh", instructions=" ", voice={"id": "tone"}))


def test_models(openai_client: OpenAI) -> None:
    assert [model.id for model in openai_client.models.list()] == ["tiny"]
    assert openai_client.models.retrieve("tiny").owned_by == "glm-tts"
    with pytest.raises(NotFoundError, match="tts-9"):
        openai_client.models.retrieve("tts-9")


def test_a_text_is_read_once(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    read, frontend = list[str](), server.service.engine._tts.frontend
    original = frontend.prepare

    def prepare(text: str, language: str | None = None) -> Any:
        read.append(text)
        return original(text, language)

    monkeypatch.setattr(frontend, "prepare", prepare)
    plain, paused = pcm(server.client, input=HELLO), pcm(server.client, input=f'<break time="0.5s"/>{HELLO}')
    assert [text for text in read if HELLO in text] == [HELLO, f'<break time="0.5s"/>{HELLO}']
    assert np.array_equal(paused[12000:], plain)
    assert not paused[:12000].any()


def test_phonemes_of_controls(server: Running) -> None:
    text = '<phoneme alphabet="pinyin" ph="xing2">行</phoneme>了<break time="1s"/>'
    answer = server.client.post("/v1/text/phonemes", json={"input": text}).json()
    assert [(part["shown"], part["pinyin"], part["fixed"]) for part in answer["characters"]] == [
        ("行", "xing2", True),
        ("了", "le5", False),
        ('<break time="1s"/>', None, True),
    ]
    assert "".join(part["text"] for part in answer["characters"]) == text


def test_phonemes(server: Running) -> None:
    text = "银行{行|xing2} ok"
    answer = server.client.post("/v1/text/phonemes", json={"input": text}).json()
    assert "".join(character["text"] for character in answer["characters"]) == text
    bank, fixed = answer["characters"][1], answer["characters"][2]
    assert bank["pinyin"] == "hang2"
    assert {"hang2", "xing2"} <= set(bank["candidates"])
    assert (fixed["shown"], fixed["pinyin"], fixed["fixed"]) == ("行", "xing2", True)
    assert "<|ANG2|>" in answer["pieces"][0]["tokens"]
    assert answer["pieces"][0]["ids"]


@pytest.mark.parametrize(
    ("text", "reading", "wanted"),
    [
        ("I read it, okay?", "R EH1 D", ["I", " ", "read", " ", "it", ",", " ", "okay", "?"]),
        ("我 read 了", "R IY1 D", ["我", " ", "read", " ", "了"]),
    ],
)
def test_english_words_have_readings(server: Running, text: str, reading: str, wanted: list[str]) -> None:
    parts = server.client.post("/v1/text/phonemes", json={"input": text}).json()["characters"]
    assert [part["text"] for part in parts] == wanted
    read = next(part for part in parts if part["text"] == "read")
    assert {"R EH1 D", "R IY1 D"} == set(read["candidates"]) and read["arpabet"] in read["candidates"]
    corrected = server.client.post("/v1/text/phonemes", json={"input": text.replace("read", f"{{read|{reading}}}")})
    fixed = next(part for part in corrected.json()["characters"] if part["fixed"])
    assert (fixed["shown"], fixed["arpabet"]) == ("read", reading)


@pytest.mark.parametrize("format", ["mp3", "opus", "flac", "wav", "aac"])
def test_what_was_heard_becomes_a_file(server: Running, format: str) -> None:
    heard = np.round(8000 * np.sin(np.arange(48000) / 20)).astype("<i2")
    answer = server.client.post(f"/v1/audio/encode?response_format={format}", content=heard.tobytes())
    assert answer.status_code == 200
    with av.open(io.BytesIO(answer.content)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        assert sum(frame.shape[-1] for frame in frames) / container.streams.audio[0].rate == pytest.approx(2, abs=0.1)
    if format == "flac":
        assert np.array_equal(soundfile.read(io.BytesIO(answer.content), dtype="int16")[0], heard)


@pytest.mark.parametrize("body", [b"", b"x"])
def test_what_are_no_samples_becomes_no_file(server: Running, body: bytes) -> None:
    refused(server.client.post("/v1/audio/encode", content=body), 400, "invalid_value")
