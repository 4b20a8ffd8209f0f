"""A thousand mixed requests to a server that this script starts on a loopback port: nothing may break, leak or starve.

    python benchmarks/server_soak.py
    python benchmarks/server_soak.py --short                # sentences of two words: minutes on one core
    PYTHONPATH=. python benchmarks/server_soak.py --tiny    # tiny random models: the server's part alone, in minutes

Every client has a loopback address of its own, by which the server tells them apart. Four honest ones speak one
sentence after the other. Beside them one floods the server with 24 requests at a time, one reads slowly, one leaves in
the middle, one uploads recordings and deletes the voices, one sends what is malformed or too large, and one speaks over
WebSockets.

It fails where a status is not the expected one, an honest client is refused, memory grows by more than a tenth after
the first fifth, a thread, file descriptor, session, voice or temporary file is left, or where the slowest honest client
waits more than twice its fair share: the time of a sentence alone, times the number of clients that share the server.
"""

import json
import math
import random
import socket
import statistics
import tempfile
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path

import httpx
from report import environment, write_result
from server_client import SHORT_TEXTS, TEXTS, Server, recording, serving, tiny_bundle
from tqdm import tqdm
from websockets.sync.client import connect

from glmtts.programs import a_folder, number_from, parser_of, run_program, whole_from

OVERSIZED, QUEUE, IDLE, FLAT, FAIR = 400_000, 8, 3, 1.10, 2.0
FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
MALFORMED = [b"{", b"[]", b"\xff", b'{"model": 1}', b'{"model": "mini", "input": "", "voice": "default"}']


@dataclass(frozen=True)
class Kind:
    """Clients of one kind: how many there are, how many requests each has at a time, their share of all requests."""

    clients: int
    at_a_time: int
    share: float
    expected: frozenset[str]


KINDS = {
    "honest": Kind(4, 1, 0.48, frozenset({"200"})),
    "flood": Kind(1, 24, 0.16, frozenset({"200", "429"})),
    "slow": Kind(1, 3, 0.06, frozenset({"200", "429"})),
    "vanish": Kind(1, 4, 0.12, frozenset({"200", "left", "429"})),
    "upload": Kind(1, 1, 0.04, frozenset({"200"})),
    "wrong": Kind(1, 2, 0.10, frozenset({"400", "413"})),
    "live": Kind(1, 1, 0.04, frozenset({"done"})),
}
SPEAKING = sum(kind.clients for name, kind in KINDS.items() if name != "wrong")


@dataclass
class Numbers:
    """The numbers of a client's requests, which its connections share."""

    total: int
    end: float = math.inf  # by the monotonic clock
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> int | None:
        """The next one, None after the last or when the time is up."""
        with self.lock:
            self.total -= 1
            return self.total if self.total >= 0 and time.monotonic() < self.end else None


@dataclass
class Soak:
    """What the clients send, and what they saw."""

    server: Server
    steps: int
    texts: list[str]
    statuses: Counter[str] = field(default_factory=Counter)
    waits: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    memory: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, requests: int, seconds: float = math.inf) -> None:
        """All clients at once, each with its share of the requests, for so many seconds at most."""
        end = time.monotonic() + seconds
        self.waits.clear()
        with (
            tqdm(total=requests, unit="request") as self.bar,
            ThreadPoolExecutor(sum(kind.clients * kind.at_a_time for kind in KINDS.values())) as pool,
        ):
            futures, hosts = [], count(10)
            for name, kind in KINDS.items():
                for address in islice((f"127.0.0.{host}" for host in hosts), kind.clients):
                    left = Numbers(max(kind.at_a_time, round(requests * kind.share / kind.clients)), end)
                    futures += [pool.submit(self._client, name, address, left) for _ in range(kind.at_a_time)]
            for future in futures:
                future.result()

    def _client(self, kind: str, address: str, left: "Numbers") -> None:
        """One request after the other, until the client's are used up."""
        while (number := left.next()) is not None:
            begun = time.perf_counter()
            try:
                status = str(getattr(self, f"_{kind}")(address, number))
            except httpx.TransportError as error:
                status = type(error).__name__
            with self.lock:
                self.statuses[f"{kind} {status}"] += 1
                self.waits[f"{kind} {address}"].append(time.perf_counter() - begun)
                self.bar.update()
                if self.bar.n % max(1, self.bar.total // 20) == 0:
                    self.memory.append(round(self.server.memory(), 1))

    def _http(self, address: str, **options: object) -> httpx.Client:
        transport = httpx.HTTPTransport(local_address=address, verify=False, **options)
        return httpx.Client(base_url=self.server.url, timeout=600, transport=transport)

    def _body(self, number: int, text: str | None = None, format: str | None = None) -> dict[str, object]:
        return {
            "model": self.server.model,
            "input": text or self.texts[number % len(self.texts)],
            "voice": "default",
            "response_format": format or FORMATS[number % len(FORMATS)],
            "seed": number,
            "steps": self.steps,
        }

    def _honest(self, address: str, number: int) -> int:
        with self._http(address) as client:
            return client.post("/v1/audio/speech", json=self._body(number, self.texts[0])).status_code

    def _flood(self, address: str, number: int) -> int:
        with self._http(address) as client:
            while (answer := client.post("/v1/audio/speech", json=self._body(number))).status_code == 429:
                with self.lock:
                    self.statuses["flood 429"] += 1
                time.sleep(0.5)
            return answer.status_code

    def _slow(self, address: str, number: int) -> int:
        """Sips through a small buffer."""
        option = (socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        body = self._body(number, " ".join(TEXTS[:3]), "pcm")
        with (
            self._http(address, socket_options=[option]) as client,
            client.stream("POST", "/v1/audio/speech", json=body) as answer,
        ):
            for _ in answer.iter_raw(chunk_size=32_000):
                time.sleep(0.1)
            return answer.status_code

    def _vanish(self, address: str, number: int) -> int | str:
        patience = 0.02 + random.Random(number).random()
        with self._http(address) as client:
            try:
                return client.post("/v1/audio/speech", json=self._body(number), timeout=patience).status_code
            except httpx.TimeoutException:
                return "left"

    def _upload(self, address: str, number: int) -> int:
        name, files = f"soak-{number}", {"audio_sample": recording()}
        with self._http(address) as client:
            answer = client.post("/v1/audio/voices", data={"name": name, "consent": "true"}, files=files)
            return client.delete(f"/v1/audio/voices/{name}").status_code if answer.is_success else answer.status_code

    def _wrong(self, address: str, number: int) -> int:
        headers = {"Content-Type": "application/json"}
        with self._http(address) as client:
            if number % 2:
                body = MALFORMED[number // 2 % len(MALFORMED)]
                return client.post("/v1/audio/speech", content=body, headers=headers).status_code
            if number % 4:
                return client.post("/v1/audio/speech", json=self._body(number, "word " * 2000)).status_code
            files = {"audio_sample": b"x" * OVERSIZED}
            return client.post("/v1/audio/voices", data={"name": "big", "consent": "true"}, files=files).status_code

    def _live(self, address: str, number: int) -> str:
        url = self.server.url.replace("http", "ws") + "/v1/audio/stream"
        with connect(url, source_address=(address, 0)) as ws:
            ws.send(json.dumps({"type": "start", "seed": number, "steps": self.steps}))
            for word in self.texts[number % 3].split():
                ws.send(json.dumps({"type": "text", "text": word + " "}))
            ws.send(json.dumps({"type": "end"}))
            while isinstance(message := ws.recv(), bytes) or json.loads(message)["type"] == "started":
                pass
            return str(json.loads(message)["type"])


def alone(soak: Soak, times: int = 9) -> float:
    """Seconds of the honest clients' sentence, by one client on an idle server, median."""
    taken = []
    for number in range(times):
        begun = time.perf_counter()
        soak._honest("127.0.0.1", number)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def held(server: Server) -> dict[str, float]:
    """What a server holds for its clients; the same before and after where nothing leaks."""
    status = Path(f"/proc/{server.pid}/status").read_text(encoding="utf-8")
    threads = int(next(line for line in status.splitlines() if line.startswith("Threads")).split()[1])
    metrics = httpx.get(f"{server.url}/metrics").text.splitlines()
    sessions = {line.split()[0]: float(line.split()[1]) for line in metrics if line.startswith("glmtts_")}
    return {
        "threads": threads,
        "open_files": server.open_files(),
        "active": sessions["glmtts_active"],
        "waiting": sessions["glmtts_waiting"],
    }


def faults(result: dict) -> list[str]:
    """What may not be."""
    wrong = {
        key: count for key, count in result["statuses"].items() if key.split()[1] not in KINDS[key.split()[0]].expected
    }
    early = result["memory_mib"][len(result["memory_mib"]) // 5]
    before, after = result["held_before"], result["held_after"]
    found = {
        f"unexpected answers: {wrong}": bool(wrong),
        "files are left": bool(result["files_left"]),
        "memory grows": result["memory_mib"][-1] > FLAT * early,
        "threads or files stay open": any(after[key] > before[key] + 2 for key in ("threads", "open_files")),
        "sessions stay open": bool(after["active"] or after["waiting"]),
        "an honest client starves": result["slowest_honest_to_fair_share"] > FAIR,
    }
    return [fault for fault, there in found.items() if there]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--model", type=a_folder, help="a bundle; the embedded one by default")
    parser.add_argument("--tiny", action="store_true", help="a bundle of tiny random models, made for this")
    parser.add_argument("--short", action="store_true", help="sentences of two words")
    parser.add_argument("--requests", type=whole_from(), default=1000)
    parser.add_argument(
        "--seconds", type=number_from(above=True), default=math.inf, help="end earlier, where this many have passed"
    )
    parser.add_argument(
        "--steps", type=int, default=1, help="of the flow: fewer make the speech coarser and the run short"
    )
    parser.add_argument("--name", default="server_soak", help="of the result's file")
    arguments = parser.parse_args()
    texts = SHORT_TEXTS if arguments.short else TEXTS
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(
            tiny_bundle(folder) if arguments.tiny else arguments.model,
            *("--max-upload-bytes", str(OVERSIZED // 2), "--queue-size", str(QUEUE)),
        ) as server,
    ):
        Soak(server, arguments.steps, texts).run(arguments.requests // 25)  # whatever is made once is made now
        time.sleep(IDLE)
        soak = Soak(server, arguments.steps, texts)
        one, before, started = alone(soak), held(server), time.perf_counter()
        soak.run(arguments.requests, arguments.seconds)
        taken = time.perf_counter() - started
        time.sleep(IDLE)
        memory, one = list(soak.memory), min(one, alone(soak))  # the strictest share, where others disturbed the first
        waits = {key: statistics.mean(times) for key, times in soak.waits.items() if times}
        honest = {key: wait for key, wait in waits.items() if key.startswith("honest")}
        result = {
            **environment(),
            "model": "tiny random models" if arguments.tiny else server.model,
            "requests": sum(len(times) for times in soak.waits.values()),
            "clients": {name: [kind.clients, kind.at_a_time] for name, kind in KINDS.items()},
            "texts": texts,
            "flow_steps": arguments.steps,
            "seconds": round(taken, 1),
            "statuses": dict(sorted(soak.statuses.items())),
            "sentence_alone_seconds": round(one, 3),
            "fair_share_seconds": round(one * SPEAKING, 3),
            "honest_mean_seconds": {key.split()[1]: round(wait, 3) for key, wait in sorted(honest.items())},
            "slowest_honest_to_fair_share": round(max(honest.values()) / (one * SPEAKING), 2),
            "flood_mean_seconds": round(statistics.mean(w for key, w in waits.items() if key.startswith("flood")), 3),
            "held_before": before,
            "held_after": held(server),
            "files_left": server.files(),
            "memory_mib": memory,
        }
    write_result(arguments.name, result)
    if found := faults(result):
        raise SystemExit(f"The soak found faults: {'; '.join(found)}.")


if __name__ == "__main__":
    run_program(main)
