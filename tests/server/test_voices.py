"""Voices are added with consent, listed, spoken, deleted; whatever kills the server, listed ones are whole."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
import torch

from glmtts.errors import ConfigError, VoiceError
from glmtts.server.engine import Engine
from glmtts.server.settings import ServerSettings
from glmtts.server.voices import StorageError, VoiceRecord, VoiceStore, valid_name
from glmtts.synthesis.voice import Voice
from tests.server.running import Running, running
from tests.server.test_limits import refused

RECORD = VoiceRecord(description="me", consent="yes", created=1)


def recording(seconds: float = 1.5, loudness: float = 0.3, format: str = "WAV") -> bytes:
    samples = loudness * np.sin(2 * np.pi * 200 * np.arange(int(16000 * seconds)) / 16000)
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, 16000, format=format)
    return buffer.getvalue()


def add(client: httpx.Client, name: str, audio: bytes, **fields: str) -> httpx.Response:
    data = {"name": name, "consent": "true", **fields}
    return client.post("/v1/audio/voices", data=data, files={"audio_sample": ("me.wav", audio)})


def names(client: httpx.Client) -> list[str]:
    return [voice["id"] for voice in client.get("/v1/audio/voices").json()["data"]]


def test_add_speak_delete(server: Running) -> None:
    assert names(server.client) == ["default", "tone"]
    answer = add(server.client, "我的-voice_1", recording(), text="Hello.", description="mine")
    assert answer.status_code == 201, answer.text
    assert answer.json()["source"] == "added"
    assert names(server.client) == ["default", "tone", "我的-voice_1"]
    body = {"model": "tiny", "input": "Hello.", "voice": "我的-voice_1", "response_format": "pcm"}
    assert len(server.client.post("/v1/audio/speech", json=body).content) > 1000
    refused(add(server.client, "我的-voice_1", recording()), 409, "voice_exists")
    assert server.client.delete("/v1/audio/voices/我的-voice_1").json()["deleted"] is True
    assert names(server.client) == ["default", "tone"]
    refused(server.client.post("/v1/audio/speech", json=body), 404)
    refused(server.client.delete("/v1/audio/voices/我的-voice_1"), 404)


@pytest.mark.parametrize("format", ["FLAC", "OGG", "MP3"])
def test_other_formats(server: Running, format: str) -> None:
    assert add(server.client, f"in-{format}", recording(format=format)).status_code == 201
    assert server.client.delete(f"/v1/audio/voices/in-{format}").status_code == 200


def test_consent_must_be_stated(server: Running) -> None:
    for value in ("false", ""):
        refused(add(server.client, "me", recording(), consent=value), 400)
    files = {"audio_sample": ("me.wav", recording())}
    refused(server.client.post("/v1/audio/voices", data={"name": "me"}, files=files), 400, "consent_required")
    assert "me" not in names(server.client)


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "a b", "x" * 49, "tone", "default"])
def test_bad_names(server: Running, name: str) -> None:
    refused(add(server.client, name, recording()), 409 if name in ("tone", "default") else 400)


def test_recordings_that_do_not_serve(server: Running) -> None:
    for audio in (b"no audio", b"", recording(0.5), recording(loudness=0)):
        error = refused(add(server.client, "me", audio), 400, "invalid_recording")
        assert "/" not in error["message"].replace("wav, flac", "")
    refused(add(server.client, "me", recording(60, format="MP3")), 413, "recording_too_long")
    refused(add(server.client, "me", recording(30)), 413, "too_large")
    assert names(server.client) == ["default", "tone"]


def test_a_recording_that_is_no_file_is_one_sentence(server: Running) -> None:
    """curl -F audio_sample=me.wav, without @."""
    fields = {"name": "me", "consent": "true", "audio_sample": "me.wav"}
    error = refused(server.client.post("/v1/audio/voices", data=fields), 400, "invalid_value")
    assert error["message"] == "'audio_sample' is not valid: Send it as a file."


def test_a_text_that_cannot_be_spoken_is_refused(server: Running) -> None:
    assert refused(add(server.client, "me", recording(), text="…"), 400)["param"] == "text"
    assert names(server.client) == ["default", "tone"]


def test_bundled_voices_stay(server: Running) -> None:
    for name in ("tone", "default"):
        refused(server.client.delete(f"/v1/audio/voices/{name}"), 403)


def test_voices_survive_a_restart(engine: Engine, tmp_path: Path) -> None:
    settings = ServerSettings(voices_folder=tmp_path)
    with running(engine, settings) as server:
        assert add(server.client, "me", recording(), description="mine").status_code == 201
    with running(engine, settings) as server:
        voices = server.client.get("/v1/audio/voices").json()["data"]
        assert [voice["description"] for voice in voices if voice["source"] == "added"] == ["mine"]


def test_a_voice_that_cannot_be_used_says_so(engine: Engine, tmp_path: Path) -> None:
    with running(engine, ServerSettings(voices_folder=tmp_path)) as server:
        server.service.voices.add("old", engine.bundled_voice("tone"), RECORD)
        (tmp_path / "old" / "voice.safetensors").write_bytes(b"of an earlier version")
        answer = server.client.post("/v1/audio/speech", json={"model": "tiny", "input": "Hello.", "voice": "old"})
        assert answer.status_code == 409
        assert "Delete it and add it again" in answer.json()["error"]["message"]


def test_a_voice_of_a_model_of_other_sizes_says_so(engine: Engine, tmp_path: Path) -> None:
    stranger = replace(engine.bundled_voice("tone"), embedding=torch.zeros(7))
    with running(engine, ServerSettings(voices_folder=tmp_path)) as server:
        server.service.voices.add("old", stranger, RECORD)
        answer = server.client.post("/v1/audio/speech", json={"model": "tiny", "input": "Hello.", "voice": "old"})
        refused(answer, 409, "voice_unusable")


def test_a_voice_that_was_added_as_default_can_be_deleted(engine: Engine, tmp_path: Path) -> None:
    """By a model without one, and by another that has one and shares the folder."""
    without = copy(engine)
    without.default_voice = None
    with running(without, ServerSettings(voices_folder=tmp_path)) as server:
        assert add(server.client, "default", recording()).status_code == 201
        assert server.client.delete("/v1/audio/voices/default").json()["deleted"] is True
        refused(server.client.delete("/v1/audio/voices/default"), 404, "voice_not_found")
        assert add(server.client, "default", recording()).status_code == 201
    with running(engine, ServerSettings(voices_folder=tmp_path)) as server:
        assert server.client.delete("/v1/audio/voices/default").status_code == 200
        refused(server.client.delete("/v1/audio/voices/default"), 403, "voice_bundled")


def test_a_full_disk_lets_voices_go(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = VoiceStore(tmp_path)
    for name in ("one", "two"):
        store.add(name, engine.bundled_voice("tone"), RECORD)

    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkdtemp", full)
    monkeypatch.setattr("pathlib.Path.mkdir", full)
    store.delete("one")
    assert [path.name for path in tmp_path.iterdir()] == ["two"]
    monkeypatch.setattr("pathlib.Path.rename", full)
    with pytest.raises(StorageError, match="does not let the voice go"):
        store.delete("two")
    assert store.holds("two")


@pytest.mark.parametrize("place", ["README.md", "README.md/voices"])
def test_a_folder_that_is_none_is_one_sentence(tmp_path: Path, place: str) -> None:
    (tmp_path / "README.md").write_text("a file")
    with pytest.raises(ConfigError, match="Give another folder with --voices"):
        VoiceStore(tmp_path / place)


def test_what_is_incomplete_is_not_listed_and_old_remains_go(engine: Engine, tmp_path: Path) -> None:
    store = VoiceStore(tmp_path)
    store.add("me", engine.bundled_voice("tone"), RECORD)
    with pytest.raises(VoiceError, match="already"):
        store.add("me", engine.bundled_voice("tone"), RECORD)
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "record.json").write_text(RECORD.model_dump_json())
    (tmp_path / ".adding-old").mkdir()
    os.utime(tmp_path / ".adding-old", (0, 0))
    assert list(VoiceStore(tmp_path).records()) == ["me"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["half", "me"]


def test_the_server_lets_other_folders_alone(engine: Engine, tmp_path: Path) -> None:
    """`--voices .` in a folder of the operator's: nothing in it but voices is swept, listed or deleted."""
    for name in (".git", "Documents", "my voice"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "precious").write_text("work")
        os.utime(tmp_path / name, (0, 0))
    (tmp_path / "my voice" / "record.json").write_text(RECORD.model_dump_json())
    (tmp_path / "my voice" / "voice.safetensors").write_bytes(b"")
    store = VoiceStore(tmp_path)
    assert not store.records()
    with pytest.raises(VoiceError, match="no voice 'Documents' to delete"):
        store.delete("Documents")
    with pytest.raises(VoiceError, match="something else under 'Documents'"):
        store.add("Documents", engine.bundled_voice("tone"), RECORD)
    assert all((tmp_path / name / "precious").is_file() for name in (".git", "Documents", "my voice"))


def test_a_damaged_record_hides_one_voice_only(engine: Engine, tmp_path: Path) -> None:
    store = VoiceStore(tmp_path)
    for name in ("one", "two"):
        store.add(name, engine.bundled_voice("tone"), RECORD)
    (tmp_path / "one" / "record.json").write_bytes(b"\xff\xfe")
    assert list(store.records()) == ["two"]
    store.delete("one")
    assert [path.name for path in tmp_path.iterdir()] == ["two"]


def test_why_the_disk_takes_no_voice_is_said(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def readonly(*arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path))

    store = VoiceStore(tmp_path)
    monkeypatch.setattr("tempfile.mkdtemp", readonly)
    with pytest.raises(StorageError, match="does not take the voice: Permission denied") as refusal:
        store.add("one", engine.bundled_voice("tone"), RECORD)
    assert str(tmp_path) not in str(refusal.value)


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process may grow beyond a kilobyte."""
    resource = pytest.importorskip("resource", reason="limits of POSIX")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_one_sentence(server: Running) -> None:
    audio, client = recording(), server.client
    with full_disk():
        answer = add(client, "full", audio)
    refused(answer, 507, "storage_full")
    small = recording(1.0, format="OGG")
    with full_disk():
        answer = add(client, "full", small)
    refused(answer, 507, "storage_full")
    assert "full" not in names(client)
    assert add(client, "full", audio).status_code == 201
    assert client.delete("/v1/audio/voices/full").status_code == 200


def test_an_upload_that_does_not_fit_on_the_disk(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recordings above a size (1 MiB, here less) are on the disk while they arrive."""
    monkeypatch.setattr("starlette.formparsers.MultiPartParser.spool_max_size", 1024)
    with full_disk():
        answer = add(server.client, "full", recording())
    refused(answer, 507, "storage_full")


def test_names_are_safe() -> None:
    assert valid_name("e\u0301") == "\u00e9"
    for name in ("/", "a/../b", "a\0", "a\n", "\U00020000" * 49):
        with pytest.raises(VoiceError):
            valid_name(name)


ADDING_FOREVER = """
import sys, itertools
from pathlib import Path
import torch
from glmtts.server.voices import VoiceRecord, VoiceStore
from glmtts.synthesis.voice import Voice
store = VoiceStore(Path(sys.argv[1]))
voice = Voice("Hello.", torch.zeros(50), torch.zeros(80, 100), torch.zeros(192), torch.tensor(120.0))
record = VoiceRecord(description="", consent="yes", created=1)
for number in itertools.count():
    store.add(f"voice-{number % 50}-{number}", voice, record)
    print("added", flush=True)
"""


def test_a_kill_leaves_only_whole_voices(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ADDING_FOREVER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(5):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    store = VoiceStore(tmp_path)
    assert len(store.records()) >= 5
    for name in store.records():
        assert Voice.load(store.path(name)).text == "Hello."


def test_a_user_without_a_home_is_asked_for_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    with pytest.raises(ConfigError, match="--voices"):
        ServerSettings.parse({})
    assert ServerSettings.parse({"voices_folder": "added"}).voices_folder == Path("added")
