"""Who may use a server: keys, addresses, hosts, web pages; what a stranger can cost it before showing a key."""

import json
import logging
import re
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from typer.testing import CliRunner
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

import glmtts.server.run
from glmtts.cli import app
from glmtts.errors import ConfigError
from glmtts.server.engine import Engine, SpeechRequest
from glmtts.server.protocol import LARGEST_HEAD
from glmtts.server.settings import ServerSettings
from glmtts.text.frontend import Piece
from glmtts.text.reader import Sentence
from tests.server.running import Running, running, wait_until
from tests.server.test_limits import SPEECH, refused
from tests.server.test_voices import add, names, recording

FOREIGN = "https://evil.example"
SOON = 20.0  # seconds in which what is ended at once has ended, on a busy machine


@pytest.fixture
def strict_server(engine: Engine, tmp_path: Path) -> Iterator[Running]:
    """One with a key and little patience."""
    settings = ServerSettings(
        voices_folder=tmp_path, api_keys=("key",), header_seconds=0.4, idle_seconds=0.4, max_connections=5
    )
    with running(engine, settings) as started:
        started.client.close()
        yield started


def raw(server: Running) -> socket.socket:
    address = httpx.URL(server.url)
    return socket.create_connection((address.host, address.port), timeout=SOON)


def answered(connection: socket.socket) -> bytes:
    """Everything until the server closes the connection."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


# Keys and addresses


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[ServerSettings]:
    """The settings with which a server would have been started."""
    started: list[ServerSettings] = []
    monkeypatch.setattr(glmtts.server.run, "run", lambda model, device, settings, *rest: started.append(settings))
    return started


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--api-key", ""], "empty"),
        (["--api-key", " "], "empty"),
        (["--api-key", "good", "--api-key", ""], "empty"),
        (["--host", "0.0.0.0"], "--insecure"),
        (["--host", "::"], "--insecure"),
        (["--host", ""], "--insecure"),
        (["--host", "192.168.1.7"], "--insecure"),
        (["--cors", "*"], "every web page"),
        (["--cors", "example.org"], "origin"),
        (["--alias", "alloy"], "no alias"),
        (["--allow-host", "tts.example:8000"], "host name"),
        (["--allow-host", "https://tts.example"], "host name"),
        (["--allow-host", ""], "host name"),
    ],
)
def test_a_server_is_not_opened_by_mistake(served: list[ServerSettings], arguments: list[str], reason: str) -> None:
    result = CliRunner().invoke(app, ["serve", *arguments])
    assert isinstance(result.exception, ConfigError) and reason in str(result.exception)
    assert not served


def test_an_empty_variable_does_not_open_it(served: list[ServerSettings], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLMTTS_API_KEYS", "")
    result = CliRunner().invoke(app, ["serve"])
    assert isinstance(result.exception, ConfigError) and not served


def test_what_is_meant_is_served(served: list[ServerSettings], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLMTTS_API_KEYS", raising=False)
    for arguments in ([], ["--host", "0.0.0.0", "--insecure"], ["--host", "0.0.0.0", "--api-key", "key"]):
        assert CliRunner().invoke(app, ["serve", *arguments]).exception is None
    assert [(settings.api_keys, settings.any_host) for settings in served] == [
        ((), False),
        ((), True),
        (("key",), True),
    ]


# Web pages


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "localhost.evil.example", "", "[", "169.254.1.1"]
)
def test_foreign_host_names_are_refused(server: Running, host: str) -> None:
    for method, path in (("GET", "/"), ("GET", "/v1/audio/voices"), ("POST", "/v1/audio/speech"), ("GET", "/metrics")):
        refused(server.client.request(method, path, headers={"Host": host}), 421, "host_not_allowed")


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1:8000", "[::1]:8000", "app.localhost"])
def test_own_host_names_are_answered(server: Running, host: str) -> None:
    assert server.client.get("/v1/models", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", [FOREIGN, "null", "http://127.0.0.1:1", "http://127.0.0.1.evil.example"])
def test_foreign_pages_change_and_speak_nothing(server: Running, origin: str) -> None:
    headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
    refused(server.client.post("/v1/audio/speech", json=SPEECH, headers=headers), 403, "origin_not_allowed")
    form = {"data": {"name": "stolen", "consent": "true"}, "files": {"audio_sample": ("me.wav", recording())}}
    refused(server.client.post("/v1/audio/voices", headers=headers, **form), 403, "origin_not_allowed")
    refused(server.client.delete("/v1/audio/voices/tone", headers=headers), 403, "origin_not_allowed")
    assert "stolen" not in names(server.client)
    with pytest.raises(InvalidStatus), connect(f"ws{server.url[4:]}/v1/audio/stream", origin=origin):  # type: ignore[arg-type]
        pass


def test_the_own_page_may_also_behind_a_proxy(server: Running) -> None:
    for headers in ({"Origin": server.url}, {"Origin": "https://proxy.example", "Sec-Fetch-Site": "same-origin"}):
        assert server.client.post("/v1/audio/speech", json=SPEECH, headers=headers).status_code == 200


def test_allowed_pages_and_hosts(engine: Engine, tmp_path: Path) -> None:
    settings = ServerSettings(
        voices_folder=tmp_path, cors=(FOREIGN,), allowed_hosts=("TTS.example",), api_keys=("key",)
    )
    with running(engine, settings) as server:
        asked = {"Origin": FOREIGN, "Access-Control-Request-Method": "POST", "Host": "tts.example"}
        asked["Access-Control-Request-Headers"] = "authorization,content-type,x-stainless-os"
        answer = server.client.options("/v1/audio/speech", headers=asked)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, FOREIGN)
        headers = {"Origin": FOREIGN, "Authorization": "Bearer key"}
        answer = server.client.post("/v1/audio/speech", json=SPEECH, headers=headers)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, FOREIGN)
        answer = server.client.post("/v1/audio/speech", json=SPEECH, headers={"Origin": FOREIGN})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, FOREIGN)
        other = server.client.post("/v1/audio/speech", json=SPEECH, headers={**headers, "Origin": "https://b.example"})
        refused(other, 403)


@pytest.mark.parametrize("path", ["/", "/page/app.js", "/v1/models", "/no/such/path"])
def test_browsers_are_held_back(server: Running, path: str) -> None:
    headers = server.client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "server" not in headers


# Before the key


def test_no_body_is_read_before_the_key(strict_server: Running) -> None:
    for given in ("", "Authorization: Bearer wrong\r\n", "Authorization: Basic a2V5\r\n"):
        with raw(strict_server) as connection:
            head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\n{given}Content-Length: 1000\r\n\r\n"
            connection.sendall(head.encode())
            assert answered(connection).startswith(b"HTTP/1.1 401")


def test_every_path_but_the_open_ones_needs_a_key(strict_server: Running) -> None:
    with httpx.Client(base_url=strict_server.url, timeout=SOON) as client:
        paths = client.get("/openapi.json").json()["paths"]
        for path, operations in paths.items():
            for method in operations:
                wanted = 200 if path in ("/health", "/ready", "/metrics") else 401
                assert client.request(method, path).status_code == wanted, path


def test_clients_invent_no_metrics(server: Running) -> None:
    def series() -> set[str]:
        lines = server.client.get("/metrics").text.splitlines()
        return {line.partition(" ")[0] for line in lines if line.startswith("glmtts_requests_total")}

    server.client.request("BREW0", "/v1/audio/speech")
    server.client.get("/nothing/0")
    before = series()
    for number in range(20):
        server.client.request(f"BREW{number}", "/v1/audio/speech")
        server.client.request(f"BREW{number}", "/v1/models/tiny")
        server.client.get(f"/nothing/{number}")
    added = series() - before
    assert not [line for line in added if "BREW" in line or "nothing" in line]
    assert len(added) <= 2  # of /metrics itself, and of methods that the second path does not allow


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\r\nX: " + b"x" * 2 * LARGEST_HEAD, b"GET / HTTP/1.1\r\nHost:", b""])
def test_a_head_that_is_too_large_or_does_not_come_ends_the_connection(strict_server: Running, head: bytes) -> None:
    started = time.monotonic()
    with raw(strict_server) as connection:
        connection.sendall(head)
        assert b"200 OK" not in answered(connection)
    assert time.monotonic() - started < SOON / 2


def test_connections_are_counted(strict_server: Running) -> None:
    wait_until(lambda: strict_server.service.active == 0)
    connections = [raw(strict_server) for _ in range(8)]
    answers = []
    for connection in connections:
        with connection:
            answers.append(answered(connection))
    bodies = [answer.partition(b"\r\n\r\n")[2] for answer in answers if answer.startswith(b"HTTP/1.1 503")]
    assert 3 <= len(bodies) <= 4  # the fixture's own client may not have left yet
    assert {json.loads(body)["error"]["code"] for body in bodies} == {"busy"}


def test_a_body_that_does_not_come_is_given_up(engine: Engine, tmp_path: Path) -> None:
    with (
        running(engine, ServerSettings(voices_folder=tmp_path, request_timeout=0.5)) as server,
        raw(server) as connection,
    ):
        connection.sendall(b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        assert answered(connection).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("messages", [[], [{"type": "start", "api_key": "key"}]])
def test_silent_websockets_are_closed(strict_server: Running, messages: Sequence[dict[str, Any]]) -> None:
    with connect(f"ws{strict_server.url[4:]}/v1/audio/stream") as socket:
        for message in messages:
            socket.send(json.dumps(message))
        told = [json.loads(socket.recv(SOON)) for _ in range(len(messages) + 1)]
        assert told[-1]["error"]["code"] == "timeout"
        with pytest.raises(ConnectionClosed):
            socket.recv(SOON)


def test_a_start_without_key_is_small(strict_server: Running) -> None:
    with connect(f"ws{strict_server.url[4:]}/v1/audio/stream") as socket:
        socket.send(json.dumps({"type": "start", "api_key": "x" * 20_000}))
        assert json.loads(socket.recv(SOON))["error"]["code"] == "too_large"


def test_a_shutdown_waits_for_nobody_who_is_silent(engine: Engine, tmp_path: Path) -> None:
    with (
        running(engine, ServerSettings(voices_folder=tmp_path, drain_seconds=300)) as server,
        raw(server) as half,
        raw(server),
        connect(f"ws{server.url[4:]}/v1/audio/stream") as early,
        connect(f"ws{server.url[4:]}/v1/audio/stream") as late,
    ):
        half.sendall(b"POST /v1/audio/speech HTTP/1.1\r\nHost: local")
        late.send(json.dumps({"type": "start"}))
        assert json.loads(late.recv(SOON))["type"] == "started"
        late.send(json.dumps({"type": "text", "text": "unfinishe"}))
        assert server.service.active == 0
        started = time.monotonic()
        server.service.drain()
        for socket in (early, late):
            assert json.loads(socket.recv(SOON))["error"]["code"] == "draining"
            with pytest.raises(ConnectionClosed):
                socket.recv(SOON)
        wait_until(lambda: not _listens(server), SOON)
        assert time.monotonic() - started < SOON


def _listens(server: Running) -> bool:
    try:
        raw(server).close()
    except OSError:
        return False
    return True


class Endless(Engine):
    """Speaks more than any buffer between server and client holds."""

    closed = False

    def stream(self, request: SpeechRequest) -> Iterator[np.ndarray]:
        try:
            for _ in range(200):
                yield np.full(self.rate * 10, 0.1, np.float32)
        finally:
            self.closed = True

    def warm_up(self) -> None:
        """Nothing."""


def test_a_client_that_reads_nothing_is_left(engine: Engine, tmp_path: Path) -> None:
    endless = Endless(engine._tts)
    with running(endless, ServerSettings(voices_folder=tmp_path, stall_seconds=0.5)) as server, raw(server) as slow:
        body = json.dumps(SPEECH)
        head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        slow.sendall(f"{head}Content-Type: application/json\r\n\r\n{body}".encode())
        wait_until(lambda: server.service.active == 1, SOON)
        wait_until(lambda: server.service.active == 0, SOON)
        wait_until(lambda: endless.closed, SOON)  # by a worker, once it has its turn


# What is kept secret


def test_texts_are_not_logged(engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: Any) -> None:
    class Failing(Engine):
        def read(self, text: str, language: str | None) -> list[Piece]:
            raise RuntimeError(f"cannot read {text}")

        def read_sentence(self, sentence: Sentence, language: str | None) -> list[Piece]:
            raise RuntimeError(f"cannot read {sentence.text}")

        def warm_up(self) -> None:
            """Nothing."""

    with (
        running(Failing(engine._tts), ServerSettings(voices_folder=tmp_path)) as server,
        caplog.at_level(logging.INFO),
    ):
        refused(server.client.post("/v1/audio/speech", json={**SPEECH, "input": "my secret"}), 500, "internal_error")
        with connect(f"ws{server.url[4:]}/v1/audio/stream") as socket:
            socket.send('{"type": "start"}')
            socket.recv(SOON)
            socket.send('{"type": "text", "text": "my secret. "}')
            assert json.loads(socket.recv(SOON))["error"]["code"] == "internal_error"
    logged = caplog.text + "".join(capfd.readouterr())
    assert len(re.findall("A request failed with RuntimeError", logged)) >= 2
    assert "secret" not in logged


def test_an_added_voice_needs_no_more_than_consent(server: Running) -> None:
    """The checks above let what is allowed pass: a client that is no browser sends no Origin."""
    assert add(server.client, "allowed", recording()).status_code == 201
    assert server.client.delete("/v1/audio/voices/allowed").status_code == 200
