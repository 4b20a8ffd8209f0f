"""An evaluation that is killed at random points and started again gives what an unbroken one gives, but for times.

    python recipes/evaluation/killed.py --asr whisper:FOLDER --out WORK --kills 10

Runs `glm-tts eval mini` once to its end and once with SIGKILL to it and its processes at random moments, then compares
tables, utterances and recordings. Writes WORK/killed.json.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from glmtts.errors import EvaluationError
from glmtts.eval.hardware import environment
from glmtts.eval.results import Results
from glmtts.programs import folder_to_fill, number_from, parser_of, run_program, whole_from, write_text


def started(arguments: argparse.Namespace, out: Path) -> subprocess.Popen:
    """The evaluation, in a process group of its own."""
    command = [sys.executable, "-m", "glmtts", "eval", "mini", *arguments.lists, "--lines", str(arguments.lines)]
    command += ["--asr", arguments.asr, "--scorer", arguments.scorer, "--chunk", "2", "-o", str(out)]
    command += ["--processes", str(arguments.processes), "-s", "mini"]
    return subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def killed_run(arguments: argparse.Namespace, out: Path) -> list[dict[str, float | int]]:
    """Kill it `kills` times, each after a random time since its first new file, then let it end."""
    draw, kills = random.Random(arguments.seed), []
    while len(kills) < arguments.kills:
        before, process = files_of(out), started(arguments, out)
        begun = time.monotonic()
        while process.poll() is None and files_of(out) == before and time.monotonic() - begun < arguments.longest:
            time.sleep(0.02)
        wait = draw.uniform(0, arguments.after)
        time.sleep(wait)
        if process.poll() is not None:
            break
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kills.append({"seconds": round(time.monotonic() - begun, 2), "files": files_of(out)})
        print(kills[-1], flush=True)
    if started(arguments, out).wait():
        raise EvaluationError("The evaluation failed. Run its command, without this program, to see why.")
    return kills


def files_of(out: Path) -> int:
    """How many files there are."""
    return sum(path.is_file() for path in out.rglob("*"))


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--asr", required=True, help="a recogniser, as of glm-tts eval")
    parser.add_argument("--scorer", default="none")
    parser.add_argument("--lists", nargs="+", default=["mini-en", "mini-zh"])
    parser.add_argument("--lines", type=whole_from(), default=6)
    parser.add_argument("--processes", type=whole_from(), default=2)
    parser.add_argument("--kills", type=whole_from(0), default=10)
    parser.add_argument("--after", type=number_from(), default=8.0, help="longest time from a first new file to a kill")
    parser.add_argument("--longest", type=number_from(), default=60.0, help="longest time to wait for a new file")
    parser.add_argument("--seed", type=whole_from(0), default=0)
    parser.add_argument("--out", type=folder_to_fill, required=True)
    arguments = parser.parse_args()
    whole, broken = arguments.out / "whole", arguments.out / "broken"
    if started(arguments, whole).wait():
        raise EvaluationError("The evaluation failed. Run its command, without this program, to see why.")
    kills = killed_run(arguments, broken)
    one, other = Results.load(whole), Results.load(broken)
    same = {
        "tables": one.tables == other.tables,
        "utterances": one.utterances == other.utterances,
        "recordings": [path.read_bytes() for path in sorted(whole.rglob("*.flac"))]
        == [path.read_bytes() for path in sorted(broken.rglob("*.flac"))],
    }
    result = environment() | {"kills": kills, "same": same}
    write_text(arguments.out / "killed.json", json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    run_program(main)
