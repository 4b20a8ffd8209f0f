"""The WebSocket: text in, audio out while the text is still being written."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from fastapi import WebSocketDisconnect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from glmtts.judging.reading import Reading
from glmtts.server.incoming import Incoming
from glmtts.server.routes.live import Session
from glmtts.text.structure import PARAGRAPH_SECONDS
from tests.server.running import GatedEngine, Running, wait_until
from tests.server.test_speech import pcm


def open_socket(server: Running) -> ClientConnection:
    return connect(server.url.replace("http", "ws") + "/v1/audio/stream", open_timeout=60)


def say(socket: ClientConnection, **message: Any) -> None:
    socket.send(json.dumps(message))


def collect(socket: ClientConnection) -> tuple[bytes, dict[str, Any]]:
    """All audio until the last message, and that message."""
    audio = b""
    while isinstance(message := socket.recv(60), bytes):
        audio += message
    return audio, json.loads(message)


def test_audio_comes_while_text_is_written(server: Running) -> None:
    with open_socket(server) as socket:
        say(socket, type="start", voice="tone", seed=3)
        assert json.loads(socket.recv(60)) == {"type": "started", "rate": 24000, "response_format": "pcm"}
        say(socket, type="text", text="Good mor")
        say(socket, type="text", text="ning. And no")
        first = socket.recv(60)
        assert isinstance(first, bytes)
        say(socket, type="text", text="w more")
        say(socket, type="end")
        rest, last = collect(socket)
        assert last["type"] == "done"
        assert abs(last["seconds"] - len(first + rest) / 48000) < 0.01
    alone = pcm(server.client, input="Good morning.", seed=3)
    assert np.array_equal(np.frombuffer(first + rest, "<i2")[: len(alone)], alone)


def test_flush_speaks_what_is_there(server: Running) -> None:
    with open_socket(server) as socket:
        say(socket, type="start", response_format="mp3")
        socket.recv(60)
        say(socket, type="text", text="no end yet")
        say(socket, type="flush")
        assert isinstance(socket.recv(60), bytes)
        say(socket, type="text", text=" … ")
        say(socket, type="end")
        assert collect(socket)[1]["type"] == "done"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("no json", "invalid_value"),
        ("[" * 10_000, "invalid_value"),
        ('{"type": "text", "text": "too early"}', "invalid_value"),
        ('{"type": "start", "speed": 9}', "invalid_value"),
        ('{"type": "start", "voice": "nobody"}', "voice_not_found"),
        ('{"type": "start", "model": "tts-9"}', "model_not_found"),
        (b"binary", "invalid_value"),
    ],
)
def test_bad_starts_are_refused(server: Running, message: str | bytes, code: str) -> None:
    with open_socket(server) as socket:
        socket.send(message)
        error = json.loads(socket.recv(60))
        assert (error["type"], error["error"]["code"]) == ("error", code)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(60)
    assert closed.value.rcvd.code == 1008


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([{"type": "start", "voice": 5}], "voice"),
        ([{"type": "start"}, {"type": "text"}], "text"),
        ([{"type": "start"}, {"type": "text", "text": 5}], "text"),
        ([{"type": "start"}, {"type": "flush", "more": 1}], "more"),
    ],
)
def test_what_is_wrong_with_a_message_is_named(server: Running, messages: list[dict[str, Any]], param: str) -> None:
    with open_socket(server) as socket:
        for message in messages:
            say(socket, **message)
        while (told := json.loads(socket.recv(60)))["type"] == "started":
            pass
        assert (told["type"], told["error"]["param"]) == ("error", param)


def test_what_is_wrong_with_a_message_is_said(server: Running) -> None:
    for sent, begins in (("{", "The message is not valid: "), ('{"type": "text"}', "'type' of the message is not ")):
        with open_socket(server) as socket:
            socket.send(sent)
            assert json.loads(socket.recv(60))["error"]["message"].startswith(begins)


def test_a_message_that_is_too_long_is_refused(server: Running) -> None:
    with open_socket(server) as socket:
        say(socket, type="start")
        socket.recv(60)
        say(socket, type="text", text="x" * 401)
        assert json.loads(socket.recv(60))["error"]["code"] == "text_too_long"


def test_an_error_in_the_text_is_told(server: Running) -> None:
    with open_socket(server) as socket:
        say(socket, type="start")
        socket.recv(60)
        say(socket, type="text", text="Good morning. <break time='soon'/> again. ")
        _, last = collect(socket)
        assert last["type"] == "error" and "soon" in last["error"]["message"]


def test_sentences_are_apart_as_in_one_text(server: Running) -> None:
    def seconds(*texts: str) -> float:
        with open_socket(server) as socket:
            say(socket, type="start", seed=3)
            socket.recv(60)
            for text in texts:
                say(socket, type="text", text=text)
                say(socket, type="flush")
                assert isinstance(socket.recv(60), bytes)  # or the next text could join this one
            say(socket, type="end")
            return collect(socket)[1]["seconds"]

    pause = server.service.engine.pause
    assert pause > 0
    assert seconds("Good morning.", "Good morning.") == pytest.approx(2 * seconds("Good morning.") + pause, abs=0.01)


def test_a_blank_line_after_a_sentence_that_was_spoken_is_a_pause(server: Running) -> None:
    def seconds(between: str) -> float:
        with open_socket(server) as socket:
            say(socket, type="start", seed=3)
            socket.recv(60)
            for text in ("Good morning.", f"{between}Good morning."):
                say(socket, type="text", text=text)
                say(socket, type="flush")
                assert isinstance(socket.recv(60), bytes)
            say(socket, type="end")
            return collect(socket)[1]["seconds"]

    usual = server.service.engine.pause
    assert seconds("\n\n") - seconds("\n") == pytest.approx(PARAGRAPH_SECONDS - usual, abs=0.01)


def test_text_may_come_faster_than_it_is_spoken(server: Running) -> None:
    """Three times as much as may wait."""
    with open_socket(server) as socket:
        say(socket, type="start", steps=1)
        socket.recv(60)
        for _ in range(6):
            say(socket, type="text", text="It is late now. " * 12)
        say(socket, type="end")
        assert collect(socket)[1]["type"] == "done"


def test_text_is_taken_in_whole_sentences() -> None:
    async def taken(longest: int, *texts: str) -> list[str]:
        incoming = Incoming(longest)
        for text in texts:
            incoming.add(text)
        incoming.flush(ended=True)
        parts = []
        while sentences := await incoming.next():
            parts.append("".join(sentence.raw for sentence in sentences))
        return parts

    assert asyncio.run(taken(100, "One. Two. Th")) == ["One. Two. Th"]
    assert asyncio.run(taken(6, "One. T", "wo. Th")) == ["One.", " Two.", " Th"]
    assert asyncio.run(taken(4, "好好好", "好好好")) == ["好好好好", "好好"]


def test_a_client_that_vanishes_ends_its_work(gated: tuple[Running, GatedEngine]) -> None:
    server, engine = gated
    socket = open_socket(server)
    say(socket, type="start")
    socket.recv(60)
    say(socket, type="text", text="Hello. ")
    engine.gate.release()
    assert isinstance(socket.recv(60), bytes)
    socket.close()
    wait_until(lambda: server.service.active == 0)
    engine.gate.release()
    wait_until(lambda: engine.closed == 1)


def test_a_client_that_vanishes_at_the_end_is_no_error(
    server: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tell = Session._tell

    async def gone(self: Session, message: dict[str, Any]) -> None:
        if message["type"] == "done":
            raise WebSocketDisconnect(1006)
        await tell(self, message)

    monkeypatch.setattr(Session, "_tell", gone)
    with open_socket(server) as socket:
        say(socket, type="start")
        assert json.loads(socket.recv(60))["type"] == "started"
        say(socket, type="end")
        with pytest.raises(ConnectionClosed):
            socket.recv(60)
    assert "A request failed" not in caplog.text


def test_a_clause_is_spoken_before_its_sentence_ends(server: Running) -> None:
    with open_socket(server) as socket:
        say(socket, type="start", response_format="PCM", voice="alloy", unknown=None)
        assert json.loads(socket.recv(60))["response_format"] == "pcm"
        say(socket, type="text", text="It was already very late, and the r")
        assert isinstance(socket.recv(60), bytes)
        say(socket, type="text", text="ain fell.")
        say(socket, type="end")
        assert collect(socket)[1]["type"] == "done"


def test_warnings_and_times_are_told(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def align(self: Reading, labels: Sequence[str]) -> np.ndarray:
        return np.arange(len(self.log_probs_SV)) * len(labels) // len(self.log_probs_SV)

    monkeypatch.setattr(Reading, "align", align)
    with open_socket(server) as socket:
        say(socket, type="start", timestamps=["word"], instructions="Whisper.")
        assert json.loads(socket.recv(60))["type"] == "started"
        assert "no instructions" in json.loads(socket.recv(60))["message"]
        audio, words = b"", []
        for text in ("Good morning.", "Good evening."):
            say(socket, type="text", text=text)
            say(socket, type="flush")
            while isinstance(message := socket.recv(60), bytes):
                audio += message
            words.append(json.loads(message)["words"])
            audio += socket.recv(60)
        say(socket, type="end")
        rest, last = collect(socket)
    assert [[word["text"] for word in part] for part in words] == [["Good", "morning"], ["Good", "evening"]]
    assert words[0][-1]["end"] < words[1][0]["start"] < words[1][-1]["end"] <= len(audio + rest) / 48000 + 0.01
    assert last["type"] == "done"
