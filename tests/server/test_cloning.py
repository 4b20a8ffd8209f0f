"""The cloning of voices has a thread, a queue and a time of its own, and ends where nobody waits for it."""

import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile

from glmtts.server.engine import Engine
from glmtts.server.settings import ServerSettings
from glmtts.synthesis.voice import Voice
from tests.server.running import Running, running, wait_until
from tests.server.test_limits import SPEECH, refused
from tests.server.test_voices import add, names, recording


class GatedCloning(Engine):
    """The real engine, but every step of cloning waits at a gate."""

    def __init__(self, inner: Engine) -> None:
        super().__init__(inner._tts)
        self.gate, self.begun, self.ended = threading.Semaphore(0), 0, 0

    def clone(self, recording: Path, text: str | None) -> Iterator[Voice | None]:
        self.begun += 1
        try:
            self.gate.acquire()
            yield None
            self.gate.acquire()
            yield from super().clone(recording, text)
        finally:
            self.ended += 1


@pytest.fixture
def cloning(engine: Engine, tmp_path: Path) -> Iterator[tuple[Running, GatedCloning]]:
    slow = GatedCloning(engine)
    settings = ServerSettings(voices_folder=tmp_path, workers=1, clone_queue_size=1)
    with running(slow, settings) as started:
        yield started, slow
        for _ in range(100):
            slow.gate.release()


def test_speech_does_not_wait_for_voices_and_their_queue_is_short(cloning: tuple[Running, GatedCloning]) -> None:
    server, engine = cloning
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(add, server.client, "first", recording())
        wait_until(lambda: engine.begun == 1)
        second = pool.submit(add, server.client, "second", recording())
        wait_until(lambda: server.service.cloning.waiting == 1)
        refused(add(server.client, "third", recording()), 429, "queue_full")
        assert server.client.post("/v1/audio/speech", json=SPEECH).status_code == 200
        for _ in range(4):
            engine.gate.release()
        assert [first.result().status_code, second.result().status_code] == [201, 201]
    assert {"first", "second"} <= set(names(server.client))


def test_who_leaves_gets_no_voice(cloning: tuple[Running, GatedCloning]) -> None:
    server, engine = cloning
    form = {"data": {"name": "left", "consent": "true"}, "files": {"audio_sample": ("me.wav", recording())}}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{server.url}/v1/audio/voices", timeout=0.5, **form)
    wait_until(lambda: server.service.active == 0)
    engine.gate.release()  # the step that runs ends; the next is not begun
    wait_until(lambda: engine.ended == 1)
    assert "left" not in names(server.client)


def test_cloning_has_a_time(engine: Engine, tmp_path: Path) -> None:
    slow = GatedCloning(engine)
    with running(slow, ServerSettings(voices_folder=tmp_path, clone_timeout=0.3)) as server:
        refused(add(server.client, "late", recording()), 504, "timeout")
        slow.gate.release()
        wait_until(lambda: slow.ended == 1)
        assert "late" not in names(server.client)


def wav(samples: np.ndarray, rate: int, subtype: str = "PCM_16") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, subtype=subtype, format="WAV")
    return buffer.getvalue()


def test_recordings_that_would_cost_much_or_break_the_models(server: Running) -> None:
    loud = np.zeros(16000, np.float32)
    loud[5] = 3e38
    for audio in (wav(np.zeros(4000), 1), wav(np.zeros((16000, 9)), 16000), wav(loud, 16000, "FLOAT")):
        refused(add(server.client, "bomb", audio), 400, "invalid_recording")
