"""A server with tiny models, shared by all tests that change nothing in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from openai import OpenAI

import glmtts
from glmtts.server.engine import Engine
from glmtts.server.settings import ServerSettings
from tests.server.running import CHROMIUM, GatedEngine, Running, running

if TYPE_CHECKING:
    from playwright import sync_api as playwright

BROWSER_FLAGS = [
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]
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


@pytest.fixture(scope="module")
def driver() -> Iterator["playwright.Browser"]:
    """Chromium, for the page."""
    from playwright import sync_api as playwright

    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=BROWSER_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def openai_client(server: Running) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{server.url}/v1", api_key="any", max_retries=0, timeout=60) as client:
        yield client
