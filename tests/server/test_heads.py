"""Heads have at most 16 KiB, however they come."""

import json
import re
import socket

import httpx
import pytest

from tests.server.running import PATIENCE, Running
from tests.server.test_limits import CHUNKED, SPEECH, exchanged

LARGE = 20_000  # bytes
HEAD = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        [HEAD, b"X: ", b"a" * LARGE, b"\r\n\r\n"],
        [HEAD, *(b"X%d: a\r\n" % number for number in range(LARGE // 8)), b"\r\n"],
        [b"GET /" + b"a" * LARGE + HEAD[11:], b"\r\n"],
        [HEAD, b"X:" + b" " * LARGE, b"a\r\n\r\n"],
        [HEAD, b"Connection: upgrade\r\nUpgrade: websocket\r\nX: ", b"a" * LARGE, b"\r\n\r\n"],
    ],
    ids=["header", "headers", "address", "blanks", "websocket"],
)
def test_a_head_is_small_though_it_comes_in_one_read(server: Running, sent: list[bytes]) -> None:
    status, _, body = exchanged(server, b"".join(sent))
    assert status == 400 and "larger than 16384 bytes" in body["error"]["message"]


def test_the_second_head_of_a_connection_is_small_too(server: Running) -> None:
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port), timeout=PATIENCE) as connection:
        connection.sendall(HEAD + b"\r\n" + HEAD + b"X: " + b"a" * LARGE + b"\r\n\r\n")
        answers = b""
        while part := connection.recv(65536):
            answers += part
    assert re.findall(rb"HTTP/1\.1 (\d+)", answers) == [b"200", b"400"]


def test_a_head_of_less_is_taken(server: Running) -> None:
    headers = {"X": "a" * 15_000}
    assert server.client.get("/health", headers=headers).status_code == 200
    body = {**SPEECH, "input": "Hello there. " * 20}
    assert server.client.post("/v1/audio/speech", json=body, headers=headers).status_code == 200


def test_what_follows_a_body_is_small_too(server: Running) -> None:
    body = json.dumps(SPEECH).encode()
    end = b"%x\r\n%s\r\n0\r\nX: %s\r\n\r\n" % (len(body), body, b"a" * LARGE)
    status, _, answer = exchanged(server, CHUNKED[:-2] + b"Content-Type: application/json\r\n\r\n" + end)
    assert status == 400 and "larger than 16384 bytes" in answer["error"]["message"]
