"""What a field takes: numbers without quotes, letters of any case; what is not known is told, wherever it stands."""

import json
from pathlib import Path
from typing import Any

import pytest

from glmtts.server.engine import Engine
from glmtts.server.settings import ServerSettings
from tests.server.running import Running, running
from tests.server.test_limits import SPEECH, refused
from tests.server.test_live import open_socket, say
from tests.server.test_voices import recording

NUMBERS = ("speed", "seed", "temperature", "top_p", "steps", "guidance")
SAMPLES = b"\0" * 4800


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [True, False, "1"])
def test_numbers_are_written_as_numbers(server: Running, name: str, value: Any) -> None:
    error = refused(server.client.post("/v1/audio/speech", json={**SPEECH, name: value}), 400, "invalid_value")
    assert error["param"] == name and "a number, without quotes" in error["message"]
    with open_socket(server) as socket:
        say(socket, type="start", **{name: value})
        assert json.loads(socket.recv(60))["error"]["param"] == name


def test_numbers_are_taken(server: Running) -> None:
    given = {"speed": 2, "seed": 7, "temperature": 1, "top_p": 0.9, "steps": 2.0, "guidance": 1, "stream": False}
    assert server.client.post("/v1/audio/speech", json={**SPEECH, **given}).status_code == 200


@pytest.mark.parametrize("value", ["yes", 1, "true"])
def test_stream_is_true_or_false(server: Running, value: Any) -> None:
    assert refused(server.client.post("/v1/audio/speech", json={**SPEECH, "stream": value}), 400)["param"] == "stream"


def test_values_may_have_large_letters(server: Running) -> None:
    encoded = server.client.post("/v1/audio/encode?response_format=WAV", content=SAMPLES)
    assert (encoded.status_code, encoded.headers["content-type"]) == (200, "audio/wav")
    assert "x-warning" not in encoded.headers
    assert server.client.post("/v1/text/phonemes", json={"input": "Hi.", "language": "EN"}).status_code == 200


def test_tokens_are_the_same_at_any_speed(server: Running) -> None:
    def tokens(speed: float) -> int:
        body = {**SPEECH, "input": "Good morning, everybody.", "stream_format": "json", "speed": speed}
        last = server.client.post("/v1/audio/speech", json=body).text.splitlines()[-1]
        return int(json.loads(last)["usage"]["output_tokens"])

    usual = tokens(1.0)
    assert usual > 10
    assert [tokens(speed) for speed in (0.5, 2.0)] == pytest.approx([usual, usual], abs=2)


@pytest.mark.parametrize("strict", [False, True])
def test_what_is_not_known_is_told_wherever_it_stands(engine: Engine, tmp_path: Path, strict: bool) -> None:
    with running(engine, ServerSettings(voices_folder=tmp_path, strict=strict)) as server:
        post = server.client.post
        voice = {"id": "tone", "nonsense": 1}
        form = {"name": "me", "consent": "true", "bogus": "1"}
        answers = {
            "voice.nonsense": post("/v1/audio/speech", json={**SPEECH, "voice": voice}),
            "odd": post("/v1/audio/speech?odd=1", json=SPEECH),
            "more": post("/v1/audio/encode?response_format=wav&more=1", content=SAMPLES),
            "extra": post("/v1/text/phonemes?extra=1", json={"input": "Hi."}),
            "bogus": post("/v1/audio/voices", data=form, files={"file": ("me.wav", recording())}),
        }
    for name, answer in answers.items():
        if strict:
            assert refused(answer, 400, "unsupported")["param"] == name
        else:
            assert answer.status_code < 300 and repr(name) in answer.headers["x-warning"]


@pytest.mark.parametrize("message", [{"type": ["text"]}, {"type": "x"}, {}, {"type": None}])
def test_a_message_of_another_type_is_told_the_types(server: Running, message: dict[str, Any]) -> None:
    with open_socket(server) as socket:
        say(socket, type="start")
        socket.recv(60)
        say(socket, **message)
        error = json.loads(socket.recv(60))["error"]
    assert (error["param"], error["message"]) == (
        "type",
        "'type' of the message is not valid: Write text, flush or end.",
    )
