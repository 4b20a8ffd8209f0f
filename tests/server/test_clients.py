"""Request sequences of other programs, as their sources send them, pass unchanged.

Open WebUI (routers/audio.py), SillyTavern (extensions/tts/openai-compatible.js and its proxy), the Home Assistant
integrations openai_tts and wyoming_openai, LiteLLM, OpenAI's Python client and the curl lines of OpenAI's reference.
"""

import asyncio
import http.client
import io
import json
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import pytest
from openai import AsyncOpenAI, OpenAI, omit

from glmtts.server.engine import Engine
from glmtts.server.settings import ServerSettings
from tests.server.running import PATIENCE, Running, running

FOX = "The quick brown fox jumped over the lazy dog."


@pytest.fixture(scope="module", params=[(), ("sk-local",)], ids=["open", "with-key"])
def plain(
    request: pytest.FixtureRequest, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """A server as it is started without further options, and one with a key."""
    folder = tmp_path_factory.mktemp("voices")
    with running(engine, ServerSettings(voices_folder=folder, api_keys=request.param)) as started:
        yield started


def key_of(server: Running) -> str:
    return next(iter(server.service.settings.api_keys), "")


def post(server: Running, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, str | None, bytes]:
    """Status, type and content of an answer; headers leave as they are, such as a key that is empty."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=PATIENCE)
    try:
        connection.request("POST", "/v1/audio/speech", json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type"), answer.read()
    finally:
        connection.close()


def seconds(data: bytes, format: str) -> float:
    with av.open(io.BytesIO(data), format=format) as container:
        return sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))


def test_open_webui(plain: Running) -> None:
    base = f"{plain.url}/v1"
    listing = {"User-Agent": "python-requests/2.32.3", "Accept-Encoding": "gzip, deflate", "Accept": "*/*"}
    with httpx.Client(timeout=PATIENCE, headers=listing) as client:
        models, voices = client.get(f"{base}/audio/models"), client.get(f"{base}/audio/voices")
    if key_of(plain):  # it sends no key there, and falls back to OpenAI's names
        assert (models.status_code, voices.status_code) == (401, 401)
    else:
        assert [model["id"] for model in models.json().get("models", [])] == ["tiny"]
        assert {voice["id"]: voice["name"] for voice in voices.json().get("voices", [])}["tone"] == "tone"
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {key_of(plain)}",
        "X-OpenWebUI-User-Name": "Ada",
        "X-OpenWebUI-User-Id": "1",
        "X-OpenWebUI-User-Email": "ada@example.org",
        "X-OpenWebUI-User-Role": "admin",
        "User-Agent": "Python/3.11 aiohttp/3.11.11",
    }
    for voice in ("alloy", "default"):
        payload = {"input": FOX, "voice": voice, "model": "tts-1"}
        status, _, content = post(plain, payload, headers)
        assert status == 200
        assert seconds(content, "mp3") > 0.2


def test_silly_tavern(plain: Running) -> None:
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {key_of(plain)}",
        "Accept": "*/*",
        "User-Agent": "node-fetch",
        "Connection": "close",
    }
    for custom in ({}, {"instructions": "", "lang_code": "a"}):
        body = {"model": "tts-1", "input": FOX, "voice": "nova", "response_format": "mp3", "speed": 1, **custom}
        status, kind, content = post(plain, body, headers)
        assert (status, kind) == (200, "audio/mpeg")
        assert seconds(content, "mp3") > 0.2


@pytest.mark.parametrize(("format", "container"), [("mp3", "mp3"), ("opus", "ogg"), ("wav", "wav")])
def test_home_assistant_openai_tts(plain: Running, format: str, container: str) -> None:
    headers = {"Content-Type": "application/json", "User-Agent": "HomeAssistant-OpenAI-TTS"}
    if key_of(plain):
        headers["Authorization"] = f"Bearer {key_of(plain)}"
    payload: dict[str, Any] = {
        "model": "gpt-4o-mini-tts",
        "input": "The front door is open.",
        "voice": "shimmer",
        "response_format": format,
        "speed": 1.0,
        "instructions": "Speak like a butler.",
        "chunk_length": 200,  # extra_payload
    }
    data = json.dumps(payload).encode("utf-8")
    request = urllib.request.Request(f"{plain.url}/v1/audio/speech", data=data, headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        parts = list(iter(lambda: answer.read(8192), b""))
    assert seconds(b"".join(parts), container) > 0.2


def test_home_assistant_wyoming_openai(plain: Running) -> None:
    """It asks which server it is, then streams each sentence as PCM or WAV."""

    async def speak() -> list[int]:
        client = AsyncOpenAI(api_key=key_of(plain) or "unused", base_url=f"{plain.url}/v1", max_retries=0)
        headers = {} if key_of(plain) else {"Authorization": omit}
        async with client:
            probes = [await client._client.get(path) for path in ("readyz", "../../health", "test")]
            assert [probe.status_code == 200 and probe.text == "OK" for probe in probes] == [False] * 3
            sizes = []
            for format in ("pcm", "wav"):
                async with client.audio.speech.with_streaming_response.create(
                    model="tts-1",
                    voice="coral",
                    input="The light is on.",
                    response_format=format,
                    speed=1.0,
                    instructions="Calmly.",
                    extra_headers=headers,
                ) as answer:
                    sizes.append(sum([len(chunk) async for chunk in answer.iter_bytes(chunk_size=2048)]))
            return sizes

    assert all(size > 5000 for size in asyncio.run(speak()))


def test_lite_llm(plain: Running) -> None:
    """It hands over what its caller gave, and nothing else."""
    with OpenAI(api_key=key_of(plain) or "none", base_url=f"{plain.url}/v1", max_retries=2, timeout=600) as client:
        for optional in ({}, {"response_format": "flac", "speed": 1.1, "instructions": "Fast."}):
            answer = client.audio.speech.create(model="tts-1-hd", voice="alloy", input=FOX, **optional)  # type: ignore[call-overload]
            assert seconds(answer.content, optional.get("response_format", "mp3")) > 0.2


def test_openai_python(plain: Running, tmp_path: Path) -> None:
    with OpenAI(api_key=key_of(plain) or "none", base_url=f"{plain.url}/v1", max_retries=0) as client:
        with client.audio.speech.with_streaming_response.create(
            model="gpt-4o-mini-tts",
            voice="coral",
            input="Today is a wonderful day to build something people love!",
            instructions="Speak in a cheerful and positive tone.",
        ) as answer:
            answer.stream_to_file(tmp_path / "speech.mp3")
        with client.audio.speech.with_streaming_response.create(
            model="gpt-4o-mini-tts", voice="marin", input=FOX, stream_format="sse", response_format="pcm"
        ) as answer:
            lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line]
    assert seconds((tmp_path / "speech.mp3").read_bytes(), "mp3") > 0.2
    assert json.loads(lines[-1])["type"] == "speech.audio.done"


def test_curl_of_the_reference(plain: Running, tmp_path: Path) -> None:
    script = f"""
curl --fail-with-body -sS {plain.url}/v1/audio/speech \\
  -H "Authorization: Bearer $OPENAI_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{{
    "model": "gpt-4o-mini-tts",
    "input": "{FOX}",
    "voice": "alloy"
  }}' \\
  --output speech.mp3
curl --fail-with-body -sS {plain.url}/v1/audio/speech \\
  -H "Authorization: Bearer $OPENAI_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{{
    "model": "gpt-4o-mini-tts",
    "input": "{FOX}",
    "voice": "alloy",
    "stream_format": "sse"
  }}' > events.txt
"""
    environment = {"OPENAI_API_KEY": key_of(plain), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        ["bash", "-euc", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert seconds((tmp_path / "speech.mp3").read_bytes(), "mp3") > 0.2
    assert "speech.audio.done" in (tmp_path / "events.txt").read_text()
