"""Requests that schemathesis makes from the OpenAPI document, with all of its checks and phases.

    PYTHONPATH=. python benchmarks/server_fuzz.py                 # tiny random models, seeds 1 and 2, five minutes each
    python benchmarks/server_fuzz.py --mini --seeds 1 --seconds 60

Each seed has a server of its own. What the checks find is shown with the request that shows it; answers of 500 and more
fail. Needs the extra [dev]. Results go to benchmarks/results/NAME.json.
"""

import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
from report import environment, write_result
from server_client import Server, serving, tiny_bundle

from glmtts.programs import parser_of, run_program, whole_from

KEY = "key-of-the-fuzzing"
GRACE = 120  # seconds after which a run that does not end by itself is ended: of a request in progress


def fuzz(server: Server, seed: int, seconds: int, report: Path) -> dict[str, Any]:
    """One run with one seed: what was answered, which checks failed how often, what is left."""
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json", "--checks", "all"]
    command += ["--seed", str(seed), "--continue-on-failure", "--max-time", str(seconds), "--request-timeout", "120"]
    command += ["--report", "ndjson", "--report-ndjson-path", str(report), "--no-color"]
    command += ["-H", f"Authorization: Bearer {KEY}"]
    httpx.get(f"{server.url}/openapi.json", timeout=GRACE)  # made once; schemathesis waits ten seconds for it
    begun = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds + GRACE)
    print(done.stdout)
    taken = round(time.perf_counter() - begun, 1)
    answers = Counter(re.findall(r'"status_code": ?(\d+)', report.read_text(encoding="utf-8")))
    return {
        "seed": seed,
        "seconds": taken,
        "answers": dict(sorted(answers.items())),
        "memory_mib": round(server.memory()),
        "temporary_files": sum(not name.startswith("voices") for name in server.files()),
        "summary": done.stdout.split("SUMMARY", 1)[-1].strip("= \n").splitlines(),
    }


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--mini", action="store_true", help="the embedded model instead of tiny random ones")
    parser.add_argument("--seeds", type=whole_from(0), nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=whole_from(), default=300, help="for each seed")
    parser.add_argument("--name", default="server_fuzz", help="of the result's file")
    given = parser.parse_args()
    runs = []
    for seed in given.seeds:
        with (
            tempfile.TemporaryDirectory() as folder,
            serving(None if given.mini else tiny_bundle(folder), key=KEY) as server,
        ):
            runs.append(fuzz(server, seed, given.seconds, Path(folder) / "report.ndjson"))
    model = "mini" if given.mini else "tiny random models"
    write_result(given.name, {"model": model, "runs": runs, **environment()})
    if broken := [run["answers"] for run in runs if not run["answers"] or max(run["answers"]) >= "500"]:
        raise SystemExit(f"The server broke, or answered nothing: {broken}.")


if __name__ == "__main__":
    run_program(main)
