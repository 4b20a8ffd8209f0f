"""The data pipeline under kill -9 at random points: the same bytes as an undisturbed run, none twice, none missing.

    python benchmarks/pipeline_kills.py --work /tmp/kills [--engine ray] [--kills 10]

Victims take turns: the driver alone, one worker alone, everything at once. After a worker's death a local run stops
with a sentence and Ray starts an actor anew; after the driver's death its workers must end by themselves.
"""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import soundfile
from report import environment, write_result

from glmtts.programs import folder_to_fill, number_from, parser_of, run_program, whole_from

HERE = Path(__file__).parent
VICTIMS = ("driver", "worker", "all")


def made_corpus(folder: Path, files: int, seconds: float) -> None:
    """Noise of odd lengths."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for number in range(files):
        path = folder / f"{number:03d}.wav"
        if not path.exists():
            count = int(16000 * seconds * rng.uniform(0.1, 2))
            soundfile.write(path, 0.1 * rng.standard_normal(count), 16000)


def config_file(folder: Path, output: str, engine: str, passes: int) -> Path:
    """A run with small units, shards and windows."""
    path = folder / f"{output}.toml"
    kind = 'kind = "ray"\nstore_mib = 256' if engine == "ray" else "workers = 2"
    path.write_text(
        f'[run]\ninput = "raw"\noutput = "{output}"\n'
        "[standardise]\nblock_seconds = 30\nsearch_seconds = 2\n"
        f"[engine]\n{kind}\nwindow_hours = 0.12\n[shards]\nshard_seconds = 60\n"
        f'[[stage]]\nname = "made_stage:BusyStage"\noptions = {{passes = {passes}}}\n'
        '[[stage]]\nname = "length"\noptions = {min_seconds = 1.5}\n'
    )
    return path


def start(config: Path) -> subprocess.Popen:
    """The command itself, in a group of its own. What it says goes to a file: a pipe that nobody reads would fill."""
    command = [sys.executable, "-m", "glmtts", "data", "run", str(config)]
    paths = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    environ = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    with config.with_suffix(".log").open("w", encoding="utf-8") as log:
        return subprocess.Popen(command, env=environ, start_new_session=True, stdout=subprocess.DEVNULL, stderr=log)


def said(config: Path) -> str:
    """The last line that a run has said."""
    lines = config.with_suffix(".log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][-300:] if lines else ""


def workers_of(driver: int) -> list[psutil.Process]:
    """Processes that run stages: spawned ones, or Ray's."""
    try:
        children = psutil.Process(driver).children(recursive=True)
        return [one for one in children if _is_worker(" ".join(one.cmdline()))]
    except psutil.NoSuchProcess:
        return []


def _is_worker(command: str) -> bool:
    return "spawn_main" in command or command.startswith("ray::")


def kill(run: subprocess.Popen, victim: str) -> list[psutil.Process]:
    """Kill; gives the processes that were there."""
    children = psutil.Process(run.pid).children(recursive=True)
    if victim == "worker":
        workers = workers_of(run.pid)
        if workers:
            workers[random.randrange(len(workers))].send_signal(signal.SIGKILL)
        return []
    run.send_signal(signal.SIGKILL)
    for one in children if victim == "all" else []:
        with suppress(psutil.NoSuchProcess):
            one.send_signal(signal.SIGKILL)
    run.wait()
    return children


def state(output: Path) -> dict[str, int]:
    """How far a run had come."""
    count = lambda pattern: len(list(output.glob(pattern)))  # noqa: E731
    return {
        "read": count("work/wav/*.json"),
        "units": count("work/units/*/*.safetensors"),
        "shards": count("shards/0*"),
        "windows": count("windows/*.json"),
    }


def hashes(output: Path) -> dict[str, str]:
    """Shards, manifest and ledger by sha256."""
    return {
        str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("shards", "manifest", "sources", "samples")
        for path in sorted((output / folder).rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def ids(output: Path) -> list[str]:
    """The ids of all utterances."""
    from glmtts.data import Dataset, SourceConfig

    return [one.id for one in Dataset.open([SourceConfig(path=output / "shards")]).utterances()]


def disturbed(config: Path, output: Path, kills: int, longest: float) -> list[dict[str, Any]]:
    """Run until `kills` processes were killed. A run that survives the death of a worker, as with Ray, goes on."""
    told = list[dict[str, Any]]()
    run = None
    while len(told) < kills:
        run = run or start(config)
        try:
            run.wait(random.uniform(0.1, 1.0) * longest)
            print(f"finished before kill {len(told) + 1}; make the corpus larger", file=sys.stderr)
            break
        except subprocess.TimeoutExpired:
            victim = VICTIMS[len(told) % len(VICTIMS)]
            told.append({"victim": victim, **state(output), **death(run, victim, config)})
            print(told[-1], flush=True)
            run = None if run.poll() is not None else run
    if run is not None and run.poll() is None:
        kill(run, "all")
    return told


def death(run: subprocess.Popen, victim: str, config: Path) -> dict[str, Any]:
    """Kill, and tell what came of it: whether a run lives on without a worker, which workers outlive their driver."""
    left = kill(run, victim)
    if victim != "worker":
        _, alive = psutil.wait_procs(left, timeout=30)
        return {"workers_left_after_30_s": len(alive)}
    try:
        return {"exit": run.wait(timeout=60), "said": said(config)}
    except subprocess.TimeoutExpired:
        return {"goes_on": True}


def main() -> None:
    """Compare an undisturbed run with one that is killed again and again."""
    arguments = parser_of(__doc__)
    arguments.add_argument("--work", type=folder_to_fill, required=True)
    arguments.add_argument("--engine", choices=("local", "ray"), default="local")
    arguments.add_argument("--kills", type=whole_from(0), default=10)
    arguments.add_argument("--files", type=whole_from(), default=60)
    arguments.add_argument("--passes", type=whole_from(), default=200)
    arguments.add_argument("--seed", type=whole_from(0), default=0)
    arguments.add_argument("--longest", type=number_from(), default=25.0, help="seconds from start to kill, at most")
    chosen = arguments.parse_args()
    random.seed(chosen.seed)
    made_corpus(chosen.work / "raw", chosen.files, 25)
    name = f"pipeline_kills_{chosen.engine}"
    whole, broken = chosen.work / "whole", chosen.work / f"broken_{chosen.engine}"
    if not (whole / "report.json").exists():
        reference = start(config_file(chosen.work, "whole", "local", chosen.passes))
        assert reference.wait() == 0, said(chosen.work / "whole.toml")
    config = config_file(chosen.work, broken.name, chosen.engine, chosen.passes)
    started = time.monotonic()
    told = disturbed(config, broken, chosen.kills, chosen.longest)
    assert start(config).wait() == 0, said(config)
    expected, got = hashes(whole), hashes(broken)
    result = {
        "kills": told,
        "seconds": round(time.monotonic() - started, 1),
        "files": len(expected),
        "shards_equal": expected == got,
        "utterances": len(ids(broken)),
        "twice": len(ids(broken)) - len(set(ids(broken))),
        "input_seconds": json.loads((broken / "report.json").read_text())["seconds"],
        **environment(),
    }
    write_result(name, result)
    assert result["shards_equal"]


if __name__ == "__main__":
    run_program(main)
