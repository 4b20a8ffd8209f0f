"""The end of the time for running requests: whoever is still spoken to is told so, and the process ends with 0."""

import json
import os
import re
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from glmtts.server.engine import Engine
from glmtts.server.settings import ServerSettings
from tests.server.running import PATIENCE, GatedEngine, Running, free_port, running, wait_until
from tests.server.test_life import serving
from tests.server.test_limits import SPEECH, refused
from tests.server.test_security import Endless, raw

# A step that no end of Python's waits for: a thread that comes back from PyTorch then aborts the process.
STUCK = """
import itertools, sys, torch
from glmtts.server import run
from glmtts.server.engine import Engine
from glmtts.server.settings import ServerSettings
from pathlib import Path
import glmtts

class Stuck(Engine):
    def stream(self, request):
        large = torch.ones(300, 300)
        for _ in itertools.count():
            large @ large
        yield
    def warm_up(self):
        pass

folder, voices, port = sys.argv[1:]
run.open_engine = lambda *_: Stuck(glmtts.load(folder))
run.run(None, "cpu", ServerSettings(voices_folder=Path(voices), drain_seconds=0.5), "127.0.0.1", int(port))
"""


@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGINT, signal.SIGINT]])
def test_a_step_that_does_not_end_holds_up_nothing(tiny_folder: Path, tmp_path: Path, signals: list[int]) -> None:
    port = free_port()
    command = [sys.executable, "-c", STUCK, str(tiny_folder), str(tmp_path), str(port)]
    with (
        serving(command, port, os.environ | {"OMP_NUM_THREADS": "1"}) as (server, client),
        ThreadPoolExecutor() as pool,
    ):
        waiting = pool.submit(client.post, "/v1/audio/speech", json=SPEECH)
        wait_until(lambda: "glmtts_active 1.0" in client.get("/metrics").text)
        for one in signals[:-1]:
            server.send_signal(one)
            wait_until(lambda: client.get("/ready").status_code == 503)
        server.send_signal(signals[-1])
        told = server.communicate(timeout=PATIENCE)[1]
        refused(waiting.result(), 503, "draining")
    assert server.returncode == 0, told
    assert "Traceback" not in told and "terminate" not in told


def hello(server: Running) -> ClientConnection:
    return connect(f"ws{server.url[4:]}/v1/audio/stream", open_timeout=PATIENCE)


def heard(client: httpx.Client, body: dict[str, Any], parts: list[bytes]) -> None:
    with client.stream("POST", "/v1/audio/speech", json=body) as answer:
        for part in answer.iter_raw():
            parts.append(part)


def said(socket: ClientConnection) -> dict[str, Any] | None:
    """The next message that is no audio, None after the last."""
    try:
        while isinstance(message := socket.recv(PATIENCE), bytes):
            pass
    except ConnectionClosed:
        return None
    return json.loads(message)


def test_who_is_spoken_to_is_told_of_the_end(engine: Engine, tmp_path: Path, capfd: Any) -> None:
    slow, events, audio = GatedEngine(engine), list[bytes](), list[bytes]()
    settings = ServerSettings(voices_folder=tmp_path, drain_seconds=0.2, workers=2)
    with running(slow, settings) as server, ThreadPoolExecutor(4) as pool:
        told = pool.submit(heard, server.client, {**SPEECH, "stream_format": "json"}, events)
        cut = pool.submit(heard, server.client, SPEECH, audio)
        wait_until(lambda: slow.gate.release() or (events and audio))
        with hello(server) as early, hello(server) as silent, hello(server) as speaking:
            for socket in (silent, speaking):
                socket.send(json.dumps({"type": "start"}))
                assert json.loads(socket.recv(PATIENCE))["type"] == "started"
            speaking.send(json.dumps({"type": "text", "text": "Hello. "}))
            wait_until(lambda: server.service.active == 3)
            server.service.drain()
            for socket in (early, silent, speaking):
                last = said(socket)
                assert (last["type"], last["error"]["code"]) == ("error", "draining")
                assert said(socket) is None and socket.close_code == 1013
        told.result()
        last = json.loads(b"".join(events).splitlines()[-1])
        assert (last["type"], last["error"]["code"]) == ("error", "draining")
        with pytest.raises(httpx.RemoteProtocolError):  # half a file must not look like a whole one
            cut.result()
        slow.gate.release(1000)
        assert server.service.wait(PATIENCE)
    assert "Traceback" not in "".join(capfd.readouterr())


def test_who_takes_nothing_is_cut_off_without_a_traceback(engine: Engine, tmp_path: Path, capfd: Any) -> None:
    endless = Endless(engine._tts)
    body = json.dumps(SPEECH)
    head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    with (
        running(endless, ServerSettings(voices_folder=tmp_path, drain_seconds=0)) as server,
        raw(server) as slow,
        raw(server) as half,
    ):
        slow.sendall(f"{head}Content-Type: application/json\r\n\r\n{body}".encode())
        half.sendall(f"{head}Content-Type: application/json\r\n\r\n{body[:5]}".encode())
        wait_until(lambda: server.service.active == 1)
        server.service.drain()
        half.settimeout(PATIENCE)
        answer = b""
        while part := half.recv(65536):
            answer += part
        assert re.match(rb"HTTP/1\.1 503 .*draining", answer, re.DOTALL)
        wait_until(lambda: endless.closed)
    assert "Traceback" not in "".join(capfd.readouterr())
