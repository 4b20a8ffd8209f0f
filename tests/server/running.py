"""A real uvicorn on a loopback port, in a thread of the test process."""

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import numpy as np

from glmtts.server.app import create_app
from glmtts.server.engine import Engine, SpeechRequest
from glmtts.server.run import DrainingServer, configured
from glmtts.server.service import Service
from glmtts.server.settings import ServerSettings

PATIENCE = 300
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition, seconds: float = PATIENCE) -> None:
    """Wait for something that is about to become true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


@dataclass
class Running:
    """A server that runs: its address, its inside, a client for it."""

    url: str
    service: Service
    client: httpx.Client


@contextmanager
def running(engine: Engine, settings: ServerSettings, ready: bool = True) -> Iterator[Running]:
    app = create_app(engine, settings)
    port = free_port()
    server = DrainingServer(configured(app, settings, "127.0.0.1", port, "warning"), app.state.service)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=url, timeout=PATIENCE) as client:
        wait_until(lambda: server.started)
        wait_until(lambda: not ready or client.get("/ready").status_code == 200)
        yield Running(url, app.state.service, client)
    server.should_exit = server.force_exit = True
    thread.join(PATIENCE)


class GatedEngine(Engine):
    """The real engine, but every part of speech waits at a gate, so that tests decide what happens meanwhile."""

    def __init__(self, inner: Engine) -> None:
        super().__init__(inner._tts)
        self.gate = threading.Semaphore(0)
        self.given = 0
        self.closed = 0

    def stream(self, request: SpeechRequest) -> Iterator[np.ndarray]:
        try:
            for _ in range(100):
                self.gate.acquire()
                self.given += 1
                yield np.full(self.rate // 10, 0.1, np.float32)
        finally:
            self.closed += 1

    def warm_up(self) -> None:
        """Nothing: the gate is closed."""
