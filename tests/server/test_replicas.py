"""The same app under Ray Serve, with replicas of its own."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import torch
from openai import OpenAI

from glmtts.errors import ConfigError, VoiceError
from glmtts.server.engine import Engine
from glmtts.server.errors import ApiError
from glmtts.server.service import Service
from glmtts.server.settings import ReplicaSettings, ServerSettings
from glmtts.server.voices import VoiceStore
from tests.server.running import PATIENCE, free_port, wait_until
from tests.server.test_voices import RECORD, add, names, recording

pytestmark = pytest.mark.long


def test_settings_are_strict(tmp_path: Path) -> None:
    path = tmp_path / "replicas.yaml"
    path.write_text("min_replicas: 2\nmax_replicas: 4\n")
    assert ReplicaSettings.read(path).max_replicas == 4
    for wrong in ("replicas: 2", "min_replicas: 0", "min_replicas: 2", "- 1", "a: b: c", ""):
        path.write_text(wrong)
        with pytest.raises(ConfigError):
            ReplicaSettings.read(path)
    with pytest.raises(ConfigError, match="missing"):
        ReplicaSettings.read(tmp_path / "missing.yaml")


def test_replicas_share_voices_on_disk(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two services as Ray builds them: from settings that were sent to another working folder."""
    monkeypatch.chdir(tmp_path)
    sent = ServerSettings(voices_folder=Path("voices"), api_keys=("key",)).portable()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    one, two = (Service(engine, ServerSettings.parse(json.loads(json.dumps(sent)))) for _ in range(2))
    assert one.settings.api_keys == ("key",)
    for service in (one, two):
        service.workers.stop()
    with pytest.raises(ApiError):
        two.voice("mine")
    one.voices.add("mine", engine.bundled_voice("tone"), RECORD)
    assert list(two.voices.records()) == ["mine"]
    assert torch.equal(two.voice("mine").tokens, engine.bundled_voice("tone").tokens)
    two.voices.delete("mine")
    assert not one.voices.records()
    with pytest.raises(ApiError):
        one.voice("mine")


def test_of_replicas_that_add_the_same_name_one_wins(engine: Engine, tmp_path: Path) -> None:
    stores, voice = [VoiceStore(tmp_path) for _ in range(2)], engine.bundled_voice("tone")

    def added(number: int) -> bool:
        try:
            stores[number % 2].add("mine", voice, RECORD)
        except VoiceError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(added, range(16))) == 1
    assert list(stores[0].records()) == ["mine"]
    assert not list(tmp_path.glob(".*"))


@pytest.fixture(scope="module")
def replicas(ray_cluster: None, tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of two replicas."""
    from ray import serve

    from glmtts.server.replicas import deployment

    port = free_port()
    settings = ServerSettings(voices_folder=tmp_path_factory.mktemp("voices"))
    two = ReplicaSettings(min_replicas=2, max_replicas=2, cpus=0.5)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    try:
        serve.run(deployment(tiny_folder, "cpu", settings, two), name="glm-tts", route_prefix="/")
        yield f"http://127.0.0.1:{port}"
    finally:
        serve.shutdown()


def test_replicas_speak_and_share_voices(replicas: str) -> None:
    with httpx.Client(base_url=replicas, timeout=PATIENCE) as client:
        wait_until(lambda: client.get("/ready").status_code == 200)
        assert add(client, "mine", recording()).status_code == 201
        assert all("mine" in names(client) for _ in range(10))
    with OpenAI(base_url=f"{replicas}/v1", api_key="any", timeout=PATIENCE) as speaker:
        whole = speaker.audio.speech.create(model="tiny", input="Hello.", voice="mine", response_format="pcm").content
        with speaker.audio.speech.with_streaming_response.create(
            model="tiny", input="Hello.", voice="mine", response_format="pcm"
        ) as answer:
            assert b"".join(answer.iter_bytes()) == whole
