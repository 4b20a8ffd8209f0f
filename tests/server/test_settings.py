"""What an operator sets: what could never fit is refused before anything is served, by the name of its option."""

import logging
from pathlib import Path

import pytest

from glmtts.cli import main
from glmtts.errors import ConfigError
from glmtts.server.engine import Engine
from glmtts.server.service import Service
from glmtts.server.settings import ServerSettings
from tests.server.running import running
from tests.server.test_limits import SPEECH, refused


@pytest.mark.parametrize(
    ("options", "begins"),
    [
        (["--queue-size", "0"], "--queue-size is not valid: input should be greater"),
        (["--drain-seconds", "-1"], "--drain-seconds is not valid: "),
        (["--api-key", ""], "--api-key, or the variable GLMTTS_API_KEYS, is not valid: an API key is empty"),
        (["--cors", "https://a.b/c"], "--cors is not valid: an origin is written"),
        (["--allow-host", "http://a"], "--allow-host is not valid: a host name is written"),
        (["--alias", f"{65 * 'x'}=y"], "--alias is not valid: "),
        (["--alias", "x= "], "'x= ' is no alias"),
    ],
)
def test_bad_options_are_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str], begins: str
) -> None:
    monkeypatch.setattr("sys.argv", ["glm-tts", "serve", *options])
    with pytest.raises(SystemExit, match="2"):
        main()
    told = capsys.readouterr().err
    assert told.startswith(f"error: {begins}")
    assert "ServerSettings" not in told and "Value error" not in told


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("https://A.b", "https://a.b"),
        ("HTTPS://a.b:443", "https://a.b"),
        ("http://a.b:80", "http://a.b"),
        ("http://a.b:443", "http://a.b:443"),
        ("https://a.b:8443", "https://a.b:8443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://xn--bcher-kva.de", "https://xn--bcher-kva.de"),
        ("*", "*"),
    ],
)
def test_origins_are_as_browsers_send_them(given: str, sent: str) -> None:
    assert ServerSettings(cors=(given,)).cors == (sent,)


@pytest.mark.parametrize(
    "origin",
    [
        "http://a b",
        "a.b",
        "ftp://a.b",
        "https://",
        "https://a.b/",
        "https://a.b?c",
        "https://b@a.b",
        "https://bücher.de",
        "https://a.b:x",
        "https://a.b:70000",
        "https://a.b:",
        "http://[a]",
        "null",
        "",
    ],
)
def test_origins_that_no_browser_sends_are_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        ServerSettings(cors=(origin,))


def test_hosts_are_as_clients_send_them() -> None:
    assert ServerSettings(allowed_hosts=("TTS.example.org", "[::1]")).allowed_hosts == ("tts.example.org", "::1")
    with pytest.raises(ValueError, match="in ASCII"):
        ServerSettings(allowed_hosts=("bücher.de",))


def test_an_alias_of_no_voice_is_told(engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    own = {"foo": "nope", "bar": "tone", "own": "default", "baz": "nova"}
    with (
        caplog.at_level(logging.WARNING),
        running(engine, ServerSettings(voices_folder=tmp_path, aliases=own)) as server,
    ):
        error = refused(server.client.post("/v1/audio/speech", json={**SPEECH, "voice": "foo"}), 404, "voice_not_found")
        assert server.client.post("/v1/audio/speech", json={**SPEECH, "voice": "bar"}).status_code == 200
    assert "There is no voice 'nope', for which 'foo' stands." in error["message"]
    told = [record.getMessage() for record in caplog.records if "--alias" in record.getMessage()]
    assert told == ["There is no voice 'nope' yet, for which --alias has 'foo'."]


def test_an_alias_of_what_can_be_no_voice_is_refused(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"There can be no voice '\.\./y', for which --alias has 'x'"):
        Service(engine, ServerSettings(voices_folder=tmp_path, aliases={"x": "../y"}))
