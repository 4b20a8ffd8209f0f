"""What a client asks for is paid from its share of the workers: also the reading of its texts, which takes its time."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from glmtts.server.engine import Encoded, Engine
from glmtts.server.settings import ServerSettings
from glmtts.text.frontend import Piece
from glmtts.text.reader import Sentence
from tests.server.running import GatedEngine, Running, running, wait_until
from tests.server.test_limits import SPEECH, refused
from tests.server.test_live import collect, open_socket, say
from tests.server.test_voices import add, recording

LATER = "This comes later."


class Reading(GatedEngine):
    """Notes by which threads texts are read and counted."""

    def __init__(self, inner: Engine) -> None:
        super().__init__(inner)
        self.read_by = dict[str, str]()
        self.counted_by = list[str]()

    def read(self, text: str, language: str | None) -> list[Piece]:
        self.read_by[text] = threading.current_thread().name
        return super().read(text, language)

    def read_sentence(self, sentence: Sentence, language: str | None) -> list[Piece]:
        self.read_by[sentence.raw.strip()] = threading.current_thread().name
        return super().read_sentence(sentence, language)

    def encode(self, pieces: Sequence[Piece]) -> list[Encoded]:
        self.counted_by.append(threading.current_thread().name)
        return super().encode(pieces)


@contextmanager
def busy(engine: Engine, folder: Path) -> Iterator[tuple[Running, Reading]]:
    """A server whose one worker speaks the text of another request until the gate is opened."""
    slow = Reading(engine)
    with running(slow, ServerSettings(voices_folder=folder, workers=1)) as server, ThreadPoolExecutor(1) as pool:
        first = pool.submit(server.client.post, "/v1/audio/speech", json=SPEECH)
        wait_until(lambda: server.service.workers.waiting == 0 and SPEECH["input"] in slow.read_by)
        try:
            yield server, slow
        finally:
            slow.gate.release(1000)
        assert first.result().status_code == 200


def ask_by_http(server: Running) -> None:
    answer = server.client.post("/v1/audio/speech", json={**SPEECH, "input": LATER, "stream_format": "sse"})
    assert answer.status_code == 200


def ask_by_websocket(server: Running) -> None:
    with open_socket(server) as socket:
        say(socket, type="start")
        socket.recv(60)
        say(socket, type="text", text=LATER)
        say(socket, type="end")
        assert collect(socket)[1]["type"] == "done"


@pytest.mark.parametrize("ask", [ask_by_http, ask_by_websocket])
def test_a_text_is_read_when_its_turn_comes(engine: Engine, tmp_path: Path, ask: Callable[[Running], None]) -> None:
    """By the threads that the clients share: others would take time beside them, as much as somebody sends."""
    with ThreadPoolExecutor(1) as pool, busy(engine, tmp_path) as (server, slow):
        later = pool.submit(ask, server)
        wait_until(lambda: server.service.workers.waiting == 1)
        assert LATER not in slow.read_by
        slow.gate.release(1000)
        later.result()
    workers = {thread for thread in [*slow.read_by.values(), *slow.counted_by] if thread.startswith("speaking")}
    assert workers == {*slow.read_by.values(), *slow.counted_by}


def test_the_text_of_a_recording_is_read_where_voices_are_made(engine: Engine, tmp_path: Path) -> None:
    slow = Reading(engine)
    with running(slow, ServerSettings(voices_folder=tmp_path)) as server:
        assert add(server.client, "me", recording(), text=LATER).status_code == 201
        assert slow.read_by[LATER].startswith("cloning")
        error = refused(add(server.client, "you", recording(), text="…"), 400, "invalid_value")
        assert error["param"] == "text"


def test_what_needs_no_turn_is_refused_at_once(engine: Engine, tmp_path: Path) -> None:
    with busy(engine, tmp_path) as (server, _):
        for change, status in (({"input": "a" * 4097}, 413), ({"model": "no"}, 404), ({"input": ""}, 400)):
            refused(server.client.post("/v1/audio/speech", json={**SPEECH, **change}), status)


def test_a_text_that_cannot_be_read_counts_as_answered(server: Running) -> None:
    def cancelled() -> str:
        return next(line for line in metrics(server.client) if line.startswith("glmtts_cancelled_total"))

    before = cancelled()
    refused(server.client.post("/v1/audio/speech", json={**SPEECH, "input": "…!?"}), 400, "invalid_value")
    assert cancelled() == before and server.service.active == 0


def test_seconds_of_speech_are_counted_as_they_are_made(gated: tuple[Running, GatedEngine]) -> None:
    server, engine = gated
    engine.gate.release(2)
    with server.client.stream("POST", "/v1/audio/speech", json=SPEECH) as answer:
        parts = answer.iter_raw()  # held: one that is forgotten ends the request
        next(parts)
        wait_until(lambda: "glmtts_audio_seconds_total 0.2" in metrics(server.client), 20)


def metrics(client: httpx.Client) -> list[str]:
    return client.get("/metrics").text.splitlines()
