"""Thousands of mixed requests to a server that this script starts on a loopback port: nothing may break or leak.

    python benchmarks/server_soak.py

The texts are a word or two long, so that 2,000 requests take some minutes on two cores. Of the requests
10 % vanish in the middle, 5 % are malformed, 5 % oversized, 5 % add and delete a voice; the others speak. Status codes
are counted; a 5xx that the server does not mean is a failure, as is memory that grows after the first fifth, a file
descriptor that stays open, or a voice or temporary file that is left.
"""

import argparse
import io
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import soundfile
from report import environment, write_result
from server_client import Server, serving
from tqdm import tqdm

OVERSIZED = 400_000
TEXTS = ["Good morning.", "Thank you.", "See you soon.", "早上好。", "谢谢你。", "明天见。"]
FLAT = 1.10
DELIBERATE = {503, 504}
KINDS = ["vanish"] * 10 + ["malformed"] * 5 + ["oversized"] * 5 + ["voice"] * 5 + ["speak"] * 75
MALFORMED = [b"{", b"[]", b"\xff", b'{"model": 1}', b'{"model": "mini", "input": "", "voice": "default"}']


def recording() -> bytes:
    """Two seconds of a buzz."""
    time_axis = np.arange(32000) / 16000
    buffer = io.BytesIO()
    soundfile.write(buffer, 0.2 * np.sign(np.sin(2 * np.pi * 150 * time_axis)), 16000, format="WAV")
    return buffer.getvalue()


class Soak:
    """The clients."""

    def __init__(self, server: Server, requests: int) -> None:
        self._server, self._requests = server, requests
        self._recording = recording()
        self.statuses: Counter[str] = Counter()
        self.memory: list[float] = []
        self._done, self._lock = 0, threading.Lock()
        self._bar = tqdm(total=requests, unit="request")

    def one(self, number: int) -> None:
        """Request number `number`, of a kind that its number decides."""
        kind = random.Random(number).choice(KINDS)
        with httpx.Client(base_url=self._server.url, timeout=600) as client:
            try:
                status = str(getattr(self, f"_{kind}")(client, number))
            except httpx.TransportError as error:
                status = type(error).__name__
        with self._lock:
            self.statuses[f"{kind} {status}"] += 1
            self._done += 1
            self._bar.update()
            if self._done % max(1, self._requests // 20) == 0:
                self.memory.append(round(self._server.memory(), 1))

    def _body(self, number: int) -> dict:
        formats = ("mp3", "opus", "aac", "flac", "wav", "pcm")
        text = TEXTS[number % len(TEXTS)]
        format = formats[number % len(formats)]
        return {
            "model": self._server.model,
            "input": text,
            "voice": "default",
            "response_format": format,
            "seed": number,
        }

    def _speak(self, client: httpx.Client, number: int) -> int:
        while (answer := client.post("/v1/audio/speech", json=self._body(number))).status_code == 429:
            time.sleep(float(answer.headers["retry-after"]))
        return answer.status_code

    def _vanish(self, client: httpx.Client, number: int) -> int:
        try:
            patience = 0.02 + random.Random(number).random()
            return client.post("/v1/audio/speech", json=self._body(number), timeout=patience).status_code
        except httpx.TimeoutException:
            return 499

    def _malformed(self, client: httpx.Client, number: int) -> int:
        body = MALFORMED[number % len(MALFORMED)]
        return client.post("/v1/audio/speech", content=body, headers={"Content-Type": "application/json"}).status_code

    def _oversized(self, client: httpx.Client, number: int) -> int:
        if number % 2:
            return client.post("/v1/audio/speech", json={**self._body(number), "input": "word " * 2000}).status_code
        files = {"audio_sample": b"x" * OVERSIZED}
        return client.post("/v1/audio/voices", data={"name": "big", "consent": "true"}, files=files).status_code

    def _voice(self, client: httpx.Client, number: int) -> int:
        name = f"soak-{number}"
        files = {"audio_sample": self._recording}
        while (
            answer := client.post("/v1/audio/voices", data={"name": name, "consent": "true"}, files=files)
        ).status_code == 429:
            time.sleep(float(answer.headers["retry-after"]))
        return (
            client.delete(f"/v1/audio/voices/{name}").status_code if answer.status_code == 201 else answer.status_code
        )


def unexpected(statuses: Counter[str]) -> dict[str, int]:
    """Answers that no request may get."""
    wanted = {
        "speak": {"200"}, "vanish": {"200", "499", "429"}, "malformed": {"400"}, "oversized": {"413"}, "voice": {"200"}
    }  # fmt: skip
    deliberate = {str(status) for status in DELIBERATE}
    return {key: count for key, count in statuses.items() if key.split()[1] not in wanted[key.split()[0]] | deliberate}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=Path, help="a bundle; the embedded one by default")
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--name", default="server_soak", help="of the result's file")
    arguments = parser.parse_args()
    with serving(arguments.model, "--max-upload-bytes", str(OVERSIZED // 2), "--queue-size", "8") as server:
        soak = Soak(server, arguments.requests)
        soak.one(0)
        files_before, started = server.open_files(), time.perf_counter()
        with ThreadPoolExecutor(arguments.clients) as pool:
            list(pool.map(soak.one, range(1, arguments.requests)))
        taken = time.perf_counter() - started
        time.sleep(3)
        result = {
            **environment(),
            "model": server.model,
            "requests": arguments.requests,
            "clients": arguments.clients,
            "seconds": round(taken, 1),
            "statuses": dict(sorted(soak.statuses.items())),
            "unexpected": unexpected(soak.statuses),
            "files_left": server.files(),
            "open_files": [files_before, server.open_files()],
            "memory_mib": soak.memory,
        }
    write_result(arguments.name, result)
    early = soak.memory[len(soak.memory) // 5]
    grown = soak.memory[-1] > FLAT * early
    leaked = result["open_files"][1] > files_before + 2
    if result["unexpected"] or result["files_left"] or grown or leaked:
        raise SystemExit("The soak found a fault: see above.")


if __name__ == "__main__":
    main()
