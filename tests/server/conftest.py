"""A server with tiny models, shared by all tests that change nothing in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

import glmtts
from glmtts.server.engine import Engine
from glmtts.server.settings import ServerSettings
from tests.server.running import GatedEngine, Running, running

LIMITS = {"max_characters": 400, "max_upload_bytes": 300_000, "max_recording_seconds": 40}


@pytest.fixture(scope="session")
def engine(tiny_folder: Path) -> Engine:
    return Engine(glmtts.load(tiny_folder))


@pytest.fixture(scope="session")
def server(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    settings = ServerSettings(voices_folder=tmp_path_factory.mktemp("voices"), **LIMITS)
    with running(engine, settings) as started:
        yield started


@pytest.fixture
def gated(engine: Engine, tmp_path: Path) -> Iterator[tuple[Running, GatedEngine]]:
    """A server of its own that speaks only when the test opens the gate; one request waits, the next is refused."""
    slow = GatedEngine(engine)
    settings = ServerSettings(voices_folder=tmp_path / "voices", queue_size=1, workers=1, **LIMITS)
    with running(slow, settings) as started:
        yield started, slow
        for _ in range(1000):
            slow.gate.release()


@pytest.fixture
def openai_client(server: Running) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{server.url}/v1", api_key="any", max_retries=0, timeout=60) as client:
        yield client
