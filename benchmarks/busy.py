"""What "Hi." costs beside two busy processes, from Python and from the command line.

    python benchmarks/busy.py --repeats 5

In turn alone and beside two processes that compute: seconds by the clock, and processor seconds of the speaking process
itself. Threads that spin while they wait show in the latter; the former is also what the machine's other work leaves,
whose load is written down. Two processes more on two cores leave a third one two thirds of a core at best, so 1.5 times
the seconds. Results go to benchmarks/results/busy.json.
"""

import os
import resource
import subprocess
import sys
import time
from statistics import median

from report import environment, write_result

from glmtts.programs import parser_of, run_program, whole_from

SAY = "import sys, time, glmtts; tts = glmtts.load(); {}; a = time.perf_counter(); tts.say('Hi.')"
WARM = SAY.format("tts.say('Hi.')") + "; print(time.perf_counter() - a, time.process_time())"
WAYS = {
    "python_loaded": [sys.executable, "-c", WARM],
    "command_line": [sys.executable, "-m", "glmtts", "say", "Hi.", "-o", "-"],
}
BUSY = "while True: sum(range(10000))"


def once(way: str) -> tuple[float, float]:
    """Seconds by the clock and of the processor: of a loaded model's `say` in Python, of the whole command."""
    before, started = _children(), time.perf_counter()
    done = subprocess.run(WAYS[way], capture_output=True, check=True, env=_environment())
    taken = time.perf_counter() - started
    spoken = float(done.stdout.split()[0]) if way == "python_loaded" else taken
    return spoken, _children() - before


def _environment() -> dict[str, str]:
    """As a user has it, who sets nothing."""
    return {name: text for name, text in os.environ.items() if not name.startswith(("OMP_", "MKL_"))}


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(way: str, repeats: int) -> dict[str, float]:
    """Medians alone and beside two busy processes, measured in turn, and their ratios."""
    alone, beside = [], []
    for _ in range(repeats):
        alone.append(once(way))
        others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(2)]
        try:
            beside.append(once(way))
        finally:
            for other in others:
                other.kill()
                other.wait()
    figures: dict[str, float] = {}
    for place, name in enumerate(("seconds", "processor_seconds")):
        first, second = (median(run[place] for run in runs) for runs in (alone, beside))
        figures |= {f"{name}_alone": first, f"{name}_beside": second, f"{name}_ratio": second / first}
    return {name: round(value, 3) for name, value in figures.items()}


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--repeats", type=whole_from(), default=5)
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    results = {way: measured(way, arguments.repeats) for way in WAYS}
    about = {"repeats": arguments.repeats, "cores": os.cpu_count(), "load_of_others_before": round(load, 1)}
    write_result("busy", {"text": "Hi.", **about, **results, **environment()})


if __name__ == "__main__":
    run_program(main)
