"""A server of its own on a loopback port, and timed requests to it: what the server's benchmarks share."""

import io
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import soundfile
from report import resident_mib

PCM_BYTES_PER_SECOND = 48000
TEXTS = [
    "Good morning, it is good to see you.",
    "The rain in Spain stays mainly in the plain.",
    "Please send the letter before noon.",
    "今天天气很好，我们去公园散步吧。",
    "他在图书馆里看了一下午的书。",
    "这家银行门口总是排着很长的队。",
]
SHORT_TEXTS = ["Good morning.", "Good night.", "Thank you.", "早上好。", "晚安。", "谢谢你。"]
LONG_TEXT = " ".join(TEXTS[:3]) + "".join(TEXTS[3:])


@dataclass
class Server:
    """A running server: its address and its process."""

    url: str
    pid: int
    model: str
    folder: Path

    def memory(self) -> float:
        """Resident memory in MiB."""
        return resident_mib(self.pid)

    def open_files(self) -> int:
        """Number of open file descriptors."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def files(self) -> list[str]:
        """Everything that it has written and not removed: voices, temporary files."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())


def recording() -> bytes:
    """Two seconds of a buzz, as a WAV file."""
    time_axis = np.arange(32000) / 16000
    buffer = io.BytesIO()
    soundfile.write(buffer, 0.2 * np.sign(np.sin(2 * np.pi * 150 * time_axis)), 16000, format="WAV")
    return buffer.getvalue()


def tiny_bundle(folder: str) -> Path:
    """The models of the tests, which the root of the repository on PYTHONPATH gives."""
    from tests import tiny

    return tiny.tiny_bundle(Path(folder) / "tiny")


@contextmanager
def serving(model: Path | None, *options: str, key: str | None = None) -> Iterator[Server]:
    """`glm-tts serve` on a free port of this machine, with no added voice; asks for a `key` where one is given."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as written:
        folder = Path(written)
        arguments = ["serve", "--port", str(port), "--voices", str(folder / "voices"), *options]
        arguments += ["--model", str(model)] if model else []
        arguments += ["--api-key", key] if key else []
        command = [sys.executable, "-c", "from glmtts.cli import main; main()", *arguments]
        environment = {**os.environ, "TMPDIR": written}
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment)
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_until_ready(url, process)
            name = httpx.get(f"{url}/v1/models", headers={"Authorization": f"Bearer {key}"}).json()["data"][0]["id"]
            yield Server(url, process.pid, name, folder)
        finally:
            process.terminate()
            process.wait()


def _wait_until_ready(url: str, process: subprocess.Popen) -> None:
    for _ in range(3000):
        if process.poll() is not None:
            raise SystemExit("The server did not start.")
        try:
            if httpx.get(f"{url}/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit("The server did not become ready.")


@dataclass
class Timing:
    """One request: seconds to the first chunk, to the end, and of audio."""

    first: float
    whole: float
    audio: float


def timed_speech(client: httpx.Client, server: Server, text: str, seed: int) -> Timing:
    """Speak a text as PCM and take the times."""
    body = {"model": server.model, "input": text, "voice": "default", "response_format": "pcm", "seed": seed}
    started = time.perf_counter()
    first, size = 0.0, 0
    with client.stream("POST", f"{server.url}/v1/audio/speech", json=body) as answer:
        answer.raise_for_status()
        for part in answer.iter_raw():
            first = first or time.perf_counter() - started
            size += len(part)
    return Timing(first, time.perf_counter() - started, size / PCM_BYTES_PER_SECOND)
