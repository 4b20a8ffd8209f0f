"""How long "Hi." takes through the server, alone and beside two processes that compute without end.

    python benchmarks/server_busy.py

Threads that spin while they wait for each other made this ten times as long. The two cases alternate, so that whatever
else the machine does falls on both.
"""

import multiprocessing
import os
import statistics
import time

import httpx
from report import environment, write_result
from server_client import Server, serving

from glmtts.programs import parser_of, run_program, whole_from

BUSY = 2


def compute() -> None:
    """Take a core for ever."""
    while True:
        sum(range(10_000))


def seconds(client: httpx.Client, server: Server, requests: int) -> list[float]:
    """Times of whole requests."""
    taken = []
    for seed in range(requests):
        begun = time.perf_counter()
        body = {"model": server.model, "input": "Hi.", "response_format": "wav", "seed": seed}
        client.post("/v1/audio/speech", json=body).raise_for_status()
        taken.append(time.perf_counter() - begun)
    return taken


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--rounds", type=whole_from(), default=5)
    parser.add_argument("--requests", type=whole_from(), default=5, help="in a round, of each case")
    arguments = parser.parse_args()
    alone, beside = list[float](), list[float]()
    with serving(None) as server, httpx.Client(base_url=server.url, timeout=300) as client:
        seconds(client, server, 2)
        load = os.getloadavg()[0]
        for _ in range(arguments.rounds):
            alone += seconds(client, server, arguments.requests)
            busy = [multiprocessing.Process(target=compute, daemon=True) for _ in range(BUSY)]
            for process in busy:
                process.start()
            beside += seconds(client, server, arguments.requests)
            for process in busy:
                process.terminate()
    result = {
        **environment(),
        "load_before": round(load, 1),
        "alone_median_seconds": round(statistics.median(alone), 3),
        "beside_two_busy_processes_median_seconds": round(statistics.median(beside), 3),
        "ratio": round(statistics.median(beside) / statistics.median(alone), 2),
    }
    write_result("server_busy", result)


if __name__ == "__main__":
    run_program(main)
