"""The same app under Ray Serve, with replicas of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from openai import OpenAI

from glmtts.errors import ConfigError
from glmtts.server.settings import ReplicaSettings, ServerSettings
from tests.server.running import PATIENCE, free_port, wait_until
from tests.server.test_voices import add, names, recording


def test_settings_are_strict(tmp_path: Path) -> None:
    path = tmp_path / "replicas.yaml"
    path.write_text("min_replicas: 2\nmax_replicas: 4\n")
    assert ReplicaSettings.read(path).max_replicas == 4
    for wrong in ("replicas: 2", "min_replicas: 0", "- 1", "a: b: c", ""):
        path.write_text(wrong)
        with pytest.raises(ConfigError):
            ReplicaSettings.read(path)
    with pytest.raises(ConfigError, match="missing"):
        ReplicaSettings.read(tmp_path / "missing.yaml")


@pytest.fixture(scope="module")
def cluster(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Two replicas on a Ray cluster of this machine; its address."""
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_AUTH_MODE="disabled", RAY_raylet_start_wait_time_s="300")
    ray = pytest.importorskip("ray", reason="needs Ray: pip install 'glm-tts[ray]'")
    from glmtts.server.replicas import deployment

    port = free_port()
    settings = ServerSettings(voices_folder=tmp_path_factory.mktemp("voices"))
    replicas = ReplicaSettings(min_replicas=2, max_replicas=2, cpus=0.5)
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    ray.serve.start(http_options={"host": "127.0.0.1", "port": port})
    try:
        ray.serve.run(deployment(tiny_folder, "cpu", settings, replicas), name="glm-tts", route_prefix="/")
        yield f"http://127.0.0.1:{port}"
    finally:
        ray.serve.shutdown()
        ray.shutdown()


def test_replicas_speak_and_share_voices(cluster: str) -> None:
    with httpx.Client(base_url=cluster, timeout=PATIENCE) as client:
        wait_until(lambda: client.get("/ready").status_code == 200)
        assert add(client, "mine", recording()).status_code == 201
        assert all("mine" in names(client) for _ in range(10))
    with OpenAI(base_url=f"{cluster}/v1", api_key="any", timeout=PATIENCE) as speaker:
        whole = speaker.audio.speech.create(model="tiny", input="Hello.", voice="mine", response_format="pcm").content
        with speaker.audio.speech.with_streaming_response.create(
            model="tiny", input="Hello.", voice="mine", response_format="pcm"
        ) as answer:
            assert b"".join(answer.iter_bytes()) == whole
