"""What a client may not do is refused with the right status and a reason in OpenAI's shape."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import AuthenticationError, BadRequestError, OpenAI, RateLimitError

from glmtts.errors import ConfigError
from glmtts.server.app import create_app
from glmtts.server.engine import Engine
from glmtts.server.settings import ServerSettings
from tests.server.running import GatedEngine, Running, running, wait_until

SPEECH = {"model": "tiny", "input": "Hello.", "voice": "tone", "response_format": "pcm"}


def refused(answer: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """The error of an answer, which has OpenAI's shape."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert len(error["message"]) > 8
    assert code is None or error["code"] == code
    return error


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": None}, "input"),
        ({"input": "…!?。"}, "input"),
        ({"input": "😀"}, "input"),
        ({"input": "Привет"}, "input"),
        ({"speed": 0.1}, "speed"),
        ({"speed": "fast"}, "speed"),
        ({"response_format": "midi"}, "response_format"),
        ({"stream_format": "smoke"}, "stream_format"),
        ({"temperature": -1}, "temperature"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_values_are_named(server: Running, change: dict[str, Any], param: str) -> None:
    error = refused(server.client.post("/v1/audio/speech", json={**SPEECH, **change}), 400)
    assert error["param"] == param


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'{"input": "\\ud800"}', b"null", b"[" * 60_000])
def test_bodies_that_are_no_request(server: Running, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    refused(server.client.post("/v1/audio/speech", content=body, headers=headers), 400)


@pytest.mark.parametrize(
    ("body", "param", "reason"),
    [
        ({**SPEECH, "voice": 5}, "voice", "valid string"),
        ({**SPEECH, "voice": ""}, "voice", "at least 1"),
        ({**SPEECH, "voice": {"id": 5}}, "voice", "valid string"),
        ({**SPEECH, "timestamps": ["word", "letter"]}, "timestamps.1", "'word'"),
        ({"model": "tiny"}, "input", "required"),
    ],
)
def test_a_field_is_named_as_the_client_wrote_it(
    server: Running, body: dict[str, Any], param: str, reason: str
) -> None:
    error = refused(server.client.post("/v1/audio/speech", json=body), 400, "invalid_value")
    assert error["param"] == param
    assert reason in error["message"]


def test_what_is_wrong_with_a_body_is_said(server: Running) -> None:
    json_kind, number = "application/json", b'{"seed": ' + 5000 * b"1" + b"}"
    for kind, content, reason in (
        (json_kind, b"{", "not valid JSON"),
        (json_kind, number, "what its Content-Type says"),
        ("text/plain", b"{}", "with Content-Type"),
    ):
        answer = server.client.post("/v1/audio/speech", content=content, headers={"Content-Type": kind})
        error = refused(answer, 400, "invalid_value")
        assert error["param"] is None and reason in error["message"]


def test_missing_things_are_404(server: Running) -> None:
    refused(server.client.post("/v1/audio/speech", json={**SPEECH, "model": "tts-9"}), 404, "model_not_found")
    refused(server.client.post("/v1/audio/speech", json={**SPEECH, "voice": "nobody"}), 404, "voice_not_found")
    refused(server.client.post("/v1/audio/speech", json={**SPEECH, "voice": "../tone"}), 404, "voice_not_found")
    refused(server.client.get("/v1/nothing"), 404)
    refused(server.client.get("/v1/audio/speech"), 405)


def test_text_too_long_is_413(server: Running) -> None:
    error = refused(
        server.client.post("/v1/audio/speech", json={**SPEECH, "input": "word " * 81}), 413, "text_too_long"
    )
    assert "405 characters; at most 400" in error["message"]
    refused(server.client.post("/v1/text/phonemes", json={"input": "word " * 81}), 413, "text_too_long")


@pytest.mark.parametrize("announced", [True, False])
def test_body_too_large_is_413(server: Running, announced: bool) -> None:
    def parts() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="audio_sample"; filename="me.wav"\r\n\r\n'
        for _ in range(500):
            yield b"x" * 1000

    content = b"".join(parts()) if announced else parts()
    answer = server.client.post(
        "/v1/audio/voices", content=content, headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    refused(answer, 413, "too_large")
    assert server.client.get("/health").status_code == 200


def test_a_full_queue_is_429(gated: tuple[Running, GatedEngine]) -> None:
    server, engine = gated
    with ThreadPoolExecutor(2) as pool:
        ask = partial(pool.submit, server.client.post, "/v1/audio/speech", json=SPEECH)
        waiting = [ask()]
        wait_until(lambda: server.service.active == 1 and not server.service.workers.waiting)
        waiting.append(ask())
        wait_until(lambda: server.service.active == 2)
        refused(server.client.post("/v1/text/phonemes", json={"input": "Hello."}), 429, "queue_full")
        answer = server.client.post("/v1/audio/speech", json=SPEECH)
        refused(answer, 429, "queue_full")
        assert answer.headers["retry-after"]
        with (
            OpenAI(base_url=f"{server.url}/v1", api_key="any", max_retries=0) as client,
            pytest.raises(RateLimitError, match="wait already"),
        ):
            client.audio.speech.create(model="tiny", input="Hello.", voice="tone")
        for _ in range(200):
            engine.gate.release()
        assert [future.result().status_code for future in waiting] == [200, 200]
    assert server.client.get("/ready").status_code == 200


def test_a_request_that_takes_too_long_is_504(engine: Engine, tmp_path: Path) -> None:
    slow = GatedEngine(engine)
    settings = ServerSettings(voices_folder=tmp_path, request_timeout=0.3)
    with running(slow, settings) as server:
        refused(server.client.post("/v1/audio/speech", json=SPEECH), 504, "timeout")
        slow.gate.release()
        wait_until(lambda: slow.closed == 1)
        assert server.service.active == 0


def test_keys(engine: Engine, tmp_path: Path) -> None:
    settings = ServerSettings(voices_folder=tmp_path, api_keys=("first", "zweiter-ü"))
    with running(engine, settings) as server:
        for path in ("/v1/models", "/v1/audio/voices"):
            refused(server.client.get(path), 401, "invalid_api_key")
        refused(server.client.post("/v1/audio/speech", json=SPEECH), 401)
        refused(server.client.get("/v1/models", headers={"Authorization": "Bearer wrong"}), 401)
        assert server.client.get("/v1/models", headers={"Authorization": "Bearer first"}).status_code == 200
        for encoding in ("utf-8", "latin-1"):  # of curl, of browsers
            headers = {b"Authorization": "Bearer zweiter-ü".encode(encoding)}
            assert server.client.get("/v1/models", headers=headers).status_code == 200
        assert server.client.get("/health").status_code == 200
        for key in ("wrong", "first"):
            with OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0) as client:
                speak = partial(client.audio.speech.create, model="tiny", input="Hello.", voice="tone")
                if key == "first":
                    assert speak().content
                else:
                    with pytest.raises(AuthenticationError, match="key is wrong"):
                        speak()


def test_the_openai_client_understands_the_errors(openai_client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as caught:
        openai_client.audio.speech.create(model="tiny", input="…", voice="tone")
    assert caught.value.param == "input"
    assert caught.value.type == "invalid_request_error"


METHODS = {
    "/v1/audio/voices": "GET, POST",
    "/v1/audio/voices/x": "DELETE",
    "/v1/models/tiny": "GET",
    "/": "GET, HEAD",
    "/docs": "GET, HEAD",
    "/health": "GET, HEAD",
    "/ready": "GET, HEAD",
    "/metrics": "GET",
    "/page/app.js": "GET, HEAD",
}


def test_methods_of_a_path_are_named(server: Running) -> None:
    for path, methods in METHODS.items():
        answer = server.client.put(path)
        refused(answer, 405)
        assert answer.headers["allow"] == methods


def test_json_is_smaller_than_an_upload(server: Running) -> None:
    """As objects of Python it takes many times its bytes, which a request would hold while it waits."""
    refused(server.client.post("/v1/audio/speech", json={**SPEECH, "more": [[]] * 30_000}), 413, "too_large")
    assert server.client.post("/v1/audio/encode?response_format=pcm", content=b"x" * 120_000).status_code == 200


def test_phonemes_wait_their_turn(gated: tuple[Running, GatedEngine]) -> None:
    """They were read on threads of their own, of which one client could have forty."""
    server, engine = gated
    with ThreadPoolExecutor(2) as pool:
        speaking = pool.submit(server.client.post, "/v1/audio/speech", json=SPEECH)
        wait_until(lambda: server.service.active == 1 and not server.service.workers.waiting)
        reading = pool.submit(server.client.post, "/v1/text/phonemes", json={"input": "Hello."})
        wait_until(lambda: server.service.active == 2)
        assert server.service.workers.waiting == 1 and not reading.done()
        for _ in range(200):
            engine.gate.release()
        assert [future.result().status_code for future in (speaking, reading)] == [200, 200]
    wait_until(lambda: server.service.active == 0)
    server.service.drain()
    refused(server.client.post("/v1/text/phonemes", json={"input": "Hello."}), 503, "draining")


def test_a_bit_rate_that_mp3_lacks_is_told_before_anything_is_served(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"MP3 at 24000 Hz has no 320 kbit/s\. Choose one of 8, 16,.* 160\."):
        create_app(engine, ServerSettings(voices_folder=tmp_path, mp3_kbps=320))


def exchanged(server: Running, *sent: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Status, headers and body of the answer to bytes that a client sends."""
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port), timeout=30) as connection:
        for part in sent:
            connection.sendall(part)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert int(headers["content-length"]) == len(body)
    return int(status.split()[1]), headers, json.loads(body)


CHUNKED = b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x02\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", CHUNKED + b"no number\r\n"])
def test_what_is_no_http_is_refused_in_the_same_shape(server: Running, sent: bytes) -> None:
    status, headers, body = exchanged(server, sent)
    assert (status, headers["content-type"]) == (400, "application/json")
    assert set(body["error"]) == {"message", "type", "param", "code"} and "HTTP/1.1" in body["error"]["message"]


def test_who_asks_before_sending_is_refused_before_sending(server: Running) -> None:
    """`Expect: 100-continue`: the client waits for the answer, and its body never comes."""
    head = (
        b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n"
    )
    status, headers, body = exchanged(server, head)
    assert (status, headers["connection"], body["error"]["code"]) == (413, "close", "too_large")


def test_what_the_framework_refuses_says_what_to_do(server: Running) -> None:
    assert "/docs" in refused(server.client.get("/v1/nothing"), 404, "not_found")["message"]
    answer = server.client.get("/v1/audio/speech")
    assert "takes POST alone" in refused(answer, 405, "method_not_allowed")["message"]
    assert answer.headers["allow"] == "POST"
    form = server.client.post("/v1/audio/voices", content=b"--x", headers={"Content-Type": "multipart/form-data"})
    assert "Correct the body" in refused(form, 400, "invalid_value")["message"]
