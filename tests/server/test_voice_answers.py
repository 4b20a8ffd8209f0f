"""What is said of added voices is so: what the disk keeps of them, and which of two of one name is spoken."""

from dataclasses import replace
from pathlib import Path

import pytest

from glmtts import durable
from glmtts.server.engine import Engine
from glmtts.server.settings import ServerSettings
from tests.server.running import Running, running
from tests.server.test_limits import refused
from tests.server.test_voices import RECORD, add, names, recording


def test_a_voice_that_the_disk_does_not_confirm_is_there_and_said_to_be(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rename was done and the folder could not be flushed: the answer was that the name is taken."""
    folder, sync = server.service.voices._folder, durable.sync

    def failing(path: Path) -> None:
        if path == folder:
            raise OSError(5, "Input/output error")
        sync(path)

    monkeypatch.setattr(durable, "sync", failing)
    error = refused(add(server.client, "shaky", recording()), 507, "storage_full")
    assert "'shaky' is there and can be used" in error["message"] and "Input/output error" in error["message"]
    assert "shaky" in names(server.client)
    refused(add(server.client, "shaky", recording()), 409, "voice_exists")
    error = refused(server.client.delete("/v1/audio/voices/shaky"), 507, "storage_full")
    assert "'shaky' is deleted" in error["message"]
    assert "shaky" not in names(server.client)


def test_an_added_voice_comes_before_the_models_of_the_same_name(engine: Engine, tmp_path: Path) -> None:
    """As after a change of the model: both were listed, and the wrong speaker was heard."""
    other = replace(engine.bundled_voice("tone"), embedding=-engine.bundled_voice("tone").embedding)
    with running(engine, ServerSettings(voices_folder=tmp_path, aliases={"mine": "tone"})) as server:

        def heard(voice: str) -> bytes:
            body = {"model": "tiny", "input": "Hello.", "voice": voice, "response_format": "pcm"}
            return server.client.post("/v1/audio/speech", json=body).content

        own = heard("tone")
        server.service.voices.add("tone", other, RECORD)
        assert names(server.client) == ["default", "tone"]
        listed = server.client.get("/v1/audio/voices").json()["data"]
        assert [voice["source"] for voice in listed] == ["bundled", "added"]
        assert heard("tone") == heard("mine") != own
        assert heard("default") == heard("alloy") == own
        server.service.voices.add("default", other, RECORD)
        assert names(server.client) == ["default", "tone"]
        assert heard("default") == heard("tone")
        (tmp_path / "tone" / "voice.safetensors").write_bytes(b"of an earlier version")
        body = {"model": "tiny", "input": "Hello.", "voice": "tone"}
        refused(server.client.post("/v1/audio/speech", json=body), 409, "voice_unusable")
        for name in ("tone", "default"):
            assert server.client.delete(f"/v1/audio/voices/{name}").status_code == 200
            assert heard(name) == own
