"""Latency and throughput of the server, which this script starts on a loopback port.

    python benchmarks/server_load.py

First chunk: the median over requests of one client, after a warm-up, beside the whole utterance. Load: 1, 4 and 16
clients that each speak one text after the other: seconds of audio per second, p50 and p95 of the whole request, and
how much more audio comes a second with the most clients than with one.
"""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
from report import environment, write_result
from server_client import LONG_TEXT, TEXTS, Server, Timing, serving, timed_speech

from glmtts.programs import a_folder, parser_of, run_program, whole_from

TIMEOUT = 600


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of all lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def summary(timings: list[Timing], seconds: float) -> dict[str, float]:
    """The figures of one table row."""
    wholes = [timing.whole for timing in timings]
    return {
        "audio_seconds_per_second": round(sum(timing.audio for timing in timings) / seconds, 3),
        "first_chunk_p50_ms": round(1000 * statistics.median(timing.first for timing in timings), 1),
        "first_chunk_p95_ms": round(1000 * percentile([timing.first for timing in timings], 0.95), 1),
        "whole_p50_ms": round(1000 * statistics.median(wholes), 1),
        "whole_p95_ms": round(1000 * percentile(wholes, 0.95), 1),
    }


def one_client(server: Server, texts: list[str], seed: int) -> list[Timing]:
    """Texts one after the other over one connection."""
    with httpx.Client(timeout=TIMEOUT) as client:
        return [timed_speech(client, server, text, seed + number) for number, text in enumerate(texts)]


def load(server: Server, clients: int, requests: int) -> dict[str, float]:
    """`clients` at a time, each with its share of the requests, and six or more, so that the end counts little."""
    each = max(6, requests // clients)
    shares = [[TEXTS[(client + n) % len(TEXTS)] for n in range(each)] for client in range(clients)]
    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        spoken = list(pool.map(lambda client: one_client(server, shares[client], 1000 * client), range(clients)))
    return {
        "clients": clients,
        **summary([timing for part in spoken for timing in part], time.perf_counter() - started),
    }


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--model", type=a_folder, help="a bundle; the embedded one by default")
    parser.add_argument("--name", default="server_load", help="of the file in benchmarks/results")
    parser.add_argument(
        "--requests", type=whole_from(), default=50, help="requests for the first chunk, and a row of the table"
    )
    parser.add_argument("--clients", type=whole_from(), nargs="+", default=[1, 4, 16])
    parser.add_argument("--workers", type=whole_from(), default=8, help="as of `glm-tts serve`")
    arguments = parser.parse_args()
    with serving(arguments.model, "--workers", str(arguments.workers), "--request-timeout", str(TIMEOUT)) as server:
        one_client(server, TEXTS[:2], 0)
        started = time.perf_counter()
        alone = one_client(server, [TEXTS[n % len(TEXTS)] for n in range(arguments.requests)], 0)
        result = {
            **environment(),
            "model": server.model,
            "workers": arguments.workers,
            "requests": arguments.requests,
            "one_sentence": summary(alone, time.perf_counter() - started),
        }
        started = time.perf_counter()
        result["several_sentences"] = summary(one_client(server, [LONG_TEXT] * 5, 0), time.perf_counter() - started)
        result["load"] = [load(server, clients, arguments.requests) for clients in arguments.clients]
        first, last = (row["audio_seconds_per_second"] for row in (result["load"][0], result["load"][-1]))
        result["throughput_of_most_to_fewest_clients"] = round(last / first, 2)
    write_result(arguments.name, result)


if __name__ == "__main__":
    run_program(main)
