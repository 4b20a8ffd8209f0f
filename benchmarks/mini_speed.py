"""Speed, memory and size of `mini`, on a machine that does nothing else.

    python benchmarks/mini_speed.py

From the start of an interpreter to the first sample, the real-time factor of a long sentence (some seeds are decoded
again, and take longer), peak memory, and the bundle's size. How well it speaks is `glm-tts eval`.
"""

import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from report import environment, write_result

import glmtts
from glmtts.programs import a_folder, parser_of, run_program

TEN_SECONDS = (
    "In the evening we walked along the river, and the children ran ahead of us to the old stone bridge, "
    "where they waited until the last light had gone behind the hills."
)
LONG_TIMES = 9


def seconds_to_first_sample(model: Path | None) -> float:
    """From the start of an interpreter, the second time, with a warm cache."""
    program = (
        "import sys, time, glmtts; next(glmtts.load(sys.argv[1] or None).stream('Hello.'));"
        "print(time.clock_gettime(time.CLOCK_MONOTONIC))"
    )
    for _ in range(2):
        started = time.clock_gettime(time.CLOCK_MONOTONIC)
        command = [sys.executable, "-c", program, str(model or "")]
        taken = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout) - started
    return taken


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--model", type=a_folder, help="a bundle; the embedded one by default")
    model = parser.parse_args().model
    start_up = seconds_to_first_sample(model)
    tts = glmtts.load(model)
    tts.say("Hello.")
    factors, lengths = [], []
    for seed in range(LONG_TIMES):
        started = time.perf_counter()
        lengths.append(tts.say(TEN_SECONDS, seed=seed).seconds)
        factors.append((time.perf_counter() - started) / lengths[-1])
    result = {
        **environment(),
        "bundle_megabytes": round(sum(f.stat().st_size for f in tts.bundle.folder.rglob("*") if f.is_file()) / 1e6, 1),
        "start_to_first_sample_seconds": round(start_up, 2),
        "long_sentence_seconds": round(float(np.median(lengths)), 1),
        "long_sentence_real_time_factor": round(float(np.median(factors)), 3),
        "long_sentence_real_time_factor_max": round(max(factors), 3),
        "peak_gigabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
    }
    write_result("mini_speed", result)


if __name__ == "__main__":
    run_program(main)
