"""Lines a minute of an evaluation: one by one, together, and together in several processes, in one run.

    python recipes/evaluation/throughput.py --out WORK --processes 2 [--asr whisper:FOLDER]

Each way does the same lines (`mini` says them; with `--asr` they are also recognised), in turn, `--rounds` times, with
models loaded before (a process of a pool loads them with its first chunk, which counts). CPU seconds stand beside
the clock's, since the clock also measures what else the machine does. Writes WORK/throughput.json.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import torch

from glmtts.eval.hardware import environment
from glmtts.eval.lists import shipped_list
from glmtts.eval.protocols import load
from glmtts.eval.protocols.base import Settings
from glmtts.eval.runner import Run
from glmtts.eval.systems import SystemSpec
from glmtts.eval.workers import workers_of
from glmtts.programs import folder_to_fill, parser_of, run_program, whole_from, write_text

LINES = min(len(shipped_list(name).items) for name in ("mini-en", "mini-zh"))


def measured(arguments: argparse.Namespace, out: Path, spec: str, chunk: int, processes: int) -> dict[str, Any]:
    """Lines a minute of one way, and CPU seconds a line."""
    recognisers = {"en": arguments.asr, "zh": arguments.asr}
    settings = Settings(("mini-en", "mini-zh"), lines=arguments.lines, recognisers=recognisers, scorers=())
    run = Run(out, workers_of(processes, None), chunk, restart=True)
    started, before = time.perf_counter(), sum(os.times()[:4])
    load("mini").run([SystemSpec.parse(f"mini={spec}")], settings, run)
    seconds, cpu, lines = time.perf_counter() - started, sum(os.times()[:4]) - before, 2 * arguments.lines
    return {"lines_a_minute": round(60 * lines / seconds, 1), "cpu_seconds_a_line": round(cpu / lines, 3)}


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--asr", default="none")
    parser.add_argument("--lines", type=whole_from(1, LINES), default=32, help="lines a language")
    parser.add_argument("--processes", type=whole_from(), default=2)
    parser.add_argument("--rounds", type=whole_from(), default=2)
    parser.add_argument("--out", type=folder_to_fill, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    ways = {
        "one by one": ("mini?batch=0", 1, 1),
        "together": ("mini", 16, 1),
        f"together, {arguments.processes} processes": ("mini", 16, arguments.processes),
    }
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in ways}
    measured(argparse.Namespace(asr=arguments.asr, lines=1), arguments.out / "warm", "mini", 1, 1)
    for _ in range(arguments.rounds):
        for name, way in ways.items():
            found[name].append(measured(arguments, arguments.out / "run", *way))
            print(name, found[name][-1], flush=True)
    result = environment() | {"lines": 2 * arguments.lines, "asr": arguments.asr.partition(":")[0], "ways": found}
    write_text(arguments.out / "throughput.json", json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    run_program(main)
