"""From start to end: readiness, metrics, clients that vanish, SIGTERM, SIGKILL during an add-voice."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from glmtts.errors import BundleError, ConfigError
from glmtts.server.engine import Engine
from glmtts.server.run import run
from glmtts.server.service import Service
from glmtts.server.settings import ServerSettings
from tests.server.running import PATIENCE, GatedEngine, Running, free_port, running, wait_until
from tests.server.test_limits import SPEECH, refused
from tests.server.test_voices import add, names, recording


def test_health_ready_and_metrics(server: Running) -> None:
    assert server.client.get("/health").json() == {"status": "ok"}
    for path in ("/health", "/ready", "/", "/docs"):  # what many monitors ask
        assert server.client.head(path).status_code == 200 and not server.client.head(path).content
    assert server.client.get("/ready").json() == {"status": "ready"}
    server.client.post("/v1/audio/speech", json=SPEECH)
    server.client.get("/no/such/path")
    text = server.client.get("/metrics").text
    assert 'glmtts_requests_total{method="POST",path="/v1/audio/speech",status="200"}' in text
    assert 'path="other",status="404"' in text
    assert "/no/such/path" not in text
    for name in ("first_chunk_seconds_count", "speech_seconds_count", "audio_seconds_total", "active", "waiting"):
        assert f"glmtts_{name} " in text


def test_not_ready_while_models_load_and_when_they_fail(engine: Engine, tmp_path: Path) -> None:
    loading = threading.Event()

    class Broken(Engine):
        def warm_up(self) -> None:
            loading.wait(PATIENCE)
            raise MemoryError("no memory")

    with running(Broken(engine._tts), ServerSettings(voices_folder=tmp_path), ready=False) as server:
        refused(server.client.get("/ready"), 503, "loading")
        assert server.client.get("/health").status_code == 200
        loading.set()
        wait_until(lambda: server.client.get("/health").status_code == 503)
        refused(server.client.get("/ready"), 503, "failed")
        refused(server.client.post("/v1/audio/speech", json=SPEECH), 503, "failed")


def test_a_client_that_vanishes_ends_its_work(gated: tuple[Running, GatedEngine]) -> None:
    server, engine = gated
    engine.gate.release()
    with server.client.stream("POST", "/v1/audio/speech", json=SPEECH) as answer:
        next(answer.iter_raw())
    wait_until(lambda: server.service.active == 0)
    engine.gate.release()
    wait_until(lambda: engine.closed == 1)
    assert engine.given == 2
    assert "glmtts_cancelled_total 1.0" in server.client.get("/metrics").text


def test_a_client_that_vanishes_in_the_queue_is_never_spoken_to(gated: tuple[Running, GatedEngine]) -> None:
    server, engine = gated
    for _ in range(2):
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{server.url}/v1/audio/speech", json=SPEECH, timeout=0.5)
    wait_until(lambda: server.service.active == 0)
    for _ in range(10):
        engine.gate.release()
    assert server.client.get("/ready").status_code == 200
    wait_until(lambda: engine.closed == 1)
    assert engine.given == 1


def test_a_shutdown_waits_for_a_file_too(gated: tuple[Running, GatedEngine]) -> None:
    server, engine = gated
    with ThreadPoolExecutor(2) as pool:
        spoken = pool.submit(server.client.post, "/v1/audio/speech", json=SPEECH)
        wait_until(lambda: server.service.active == 1 and not server.service.workers.waiting)
        encoded = pool.submit(server.client.post, "/v1/audio/encode?response_format=pcm", content=b"\0" * 4800)
        wait_until(lambda: server.service.workers.waiting == 1)
        counted = server.service.active
        engine.gate.release(1000)
        assert [spoken.result().status_code, encoded.result().status_code] == [200, 200]
    assert counted == 2
    wait_until(lambda: server.service.active == 0)


def test_an_address_that_is_taken_is_told_before_anything_is_loaded(tmp_path: Path) -> None:
    """The models of a large bundle take minutes."""
    settings = ServerSettings(voices_folder=tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        for host, port in (("127.0.0.1", taken), ("203.0.113.7", 8000), ("no.such.invalid", 8000)):
            with pytest.raises(ConfigError, match=f"No server can listen at {host}, port {port}: .*Choose another"):
                run(tmp_path / "no model", "cpu", settings, host, port)
    with pytest.raises(BundleError):  # the port is free: the next thing is the model
        run(tmp_path / "no model", "cpu", settings, "127.0.0.1", taken)


@contextmanager
def process(model: Path, voices: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """`glm-tts serve` as an operator starts it."""
    port = free_port()
    arguments = ["serve", "--model", model, "--port", port, "--voices", voices, *options]
    command = [sys.executable, "-c", "from glmtts.cli import main; main()", *map(str, arguments)]
    with serving(command, port, os.environ | {"OMP_NUM_THREADS": "1"}) as running:
        yield running


@contextmanager
def serving(
    command: list[str], port: int, environment: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """A process that serves at a port, once it is ready."""
    started = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client:
            wait_until(lambda: started.poll() is not None or _ready(client))
            assert started.poll() is None, started.communicate()[1]
            yield started, client
    finally:
        started.kill()
        started.wait()


def _ready(client: httpx.Client) -> bool:
    try:
        return client.get("/ready").status_code == 200
    except httpx.TransportError:
        return False


def test_sigkill_during_add_voice_then_sigterm_during_speech(tiny_folder: Path, tmp_path: Path) -> None:
    with process(tiny_folder, tmp_path) as (server, client):
        assert add(client, "first", recording()).status_code == 201
        uploads = [threading.Thread(target=_add_quietly, args=(client, f"voice-{n}")) for n in range(8)]
        for upload in uploads:
            upload.start()
        wait_until(lambda: len(list(tmp_path.iterdir())) > 3)
        server.send_signal(signal.SIGKILL)
        server.wait()
        for upload in uploads:
            upload.join()
    with process(tiny_folder, tmp_path, "--max-characters", "1500") as (server, client):
        listed = [name for name in names(client) if name not in ("default", "tone")]
        assert "first" in listed
        for name in listed:
            assert client.post("/v1/audio/speech", json={**SPEECH, "voice": name}).status_code == 200
        body = {**SPEECH, "input": "It rained all day in the old town by the sea. " * 30}
        with client.stream("POST", "/v1/audio/speech", json=body) as answer:
            parts = answer.iter_raw()
            first = next(parts)
            server.send_signal(signal.SIGTERM)
            wait_until(lambda: not _ready(client))
            total = len(first) + sum(map(len, parts))
        assert total > 10 * len(first)
        assert server.wait(PATIENCE) == 0


def _add_quietly(client: httpx.Client, name: str) -> None:
    with suppress(httpx.TransportError):  # the server is killed under it
        add(client, name, recording())


def test_a_draining_server_takes_nothing_new(engine: Engine, tmp_path: Path) -> None:
    with running(engine, ServerSettings(voices_folder=tmp_path)) as server:
        service: Service = server.service
        service.active += 1  # somebody is still being spoken to
        service.drain()
        refused(server.client.post("/v1/audio/speech", json=SPEECH), 503, "draining")
        refused(add(server.client, "me", recording()), 503, "draining")
        refused(server.client.get("/ready"), 503)
        assert server.client.get("/health").status_code == 200
        assert not service.drained
        service.active -= 1
        assert service.drained
