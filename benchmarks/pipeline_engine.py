"""The data pipeline's engine: memory by hours of input, one worker and two, one Ray node and two.

    python benchmarks/pipeline_engine.py memory --work /tmp/engine
    python benchmarks/pipeline_engine.py workers --work /tmp/engine
    python benchmarks/pipeline_engine.py nodes --work /tmp/engine

`memory` reads one recording of 1 h and one of 10 h (8 kHz), and takes the greatest resident memory of the process.
`workers` compares one worker with two, by the clock and in CPU seconds: beside other jobs the clock is no fair judge.
`nodes` runs two Ray nodes on this machine (ray.cluster_utils) and compares the hashes with those of the local engine.
The stage is `made_stage.BusyStage`, no model.
"""

import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from pipeline_kills import hashes, made_corpus
from report import environment, write_result

from glmtts.programs import folder_to_fill, parser_of, run_program

HERE = Path(__file__).parent
RATE = 8000
PASSES = 1000  # some 30 s of one core: the start of the processes, two seconds, must not count


def long_recording(path: Path, hours: float) -> None:
    """Noise of so many hours, written a minute at a time."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    minute = (3000 * rng.standard_normal(60 * RATE)).astype(np.int16)
    with soundfile.SoundFile(str(path), "w", RATE, 1, "PCM_16", format="WAV") as file:
        for number in range(round(60 * hours)):
            file.write(np.roll(minute, 997 * number))


def config_file(folder: Path, output: str, engine: str, passes: int = 1, block: float = 600, raw: str = "raw") -> Path:
    """A run of one busy stage."""
    path = folder / f"{output}.toml"
    path.write_text(
        f'[run]\ninput = "{raw}"\noutput = "{output}"\nsample_rate = {RATE}\n'
        f"[standardise]\nblock_seconds = {block}\nsearch_seconds = {block / 20}\n"
        f'[engine]\n{engine}\n[[stage]]\nname = "made_stage:BusyStage"\noptions = {{passes = {passes}}}\n'
        'workers = 2\ncpus = 1\n[[stage]]\nname = "length"\noptions = {max_seconds = 11}\ncpus = 0\n'
    )
    return path


def measured(config: Path) -> dict[str, float]:
    """A run in a process of its own: seconds by the clock, CPU seconds with all workers, greatest memory in MiB."""
    script = (
        "import resource, sys; from glmtts.data.pipeline.config import load_pipeline; from pathlib import Path;"
        "from glmtts.data.pipeline.runner import run_pipeline; import time;"
        "settings = load_pipeline(Path(sys.argv[1])); started = time.monotonic(); run_pipeline(settings);"
        "print(time.monotonic() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run(
        [sys.executable, "-c", script, str(config)], env=environ, capture_output=True, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds, memory = map(float, run.stdout.split())
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": round(seconds, 1), "cpu_seconds": round(cpu, 1), "mebibytes": round(memory, 1)}


def memory(work: Path) -> dict[str, Any]:
    """Greatest memory of the whole run by length of one recording."""
    found = {}
    for hours in (1, 10):
        folder = f"{hours}h"
        shutil.rmtree(work / f"out_{folder}", ignore_errors=True)
        long_recording(work / folder / "long.wav", hours)
        found[f"{hours} h"] = measured(config_file(work, f"out_{folder}", "workers = 1", raw=folder))
        print(hours, found, flush=True)
    return found


def workers(work: Path) -> dict[str, Any]:
    """One worker and two on a CPU-bound stage, twice each in turn, beside what else runs here."""
    made_corpus(work / "raw", 24, 60)
    found: dict[str, Any] = {"1": [], "2": []}
    for turn in range(2):
        for count in (1, 2):
            output = f"workers_{count}_{turn}"
            shutil.rmtree(work / output, ignore_errors=True)
            config = config_file(work, output, f"workers = {count}", PASSES, block=60)
            found[str(count)].append({**measured(config), "load": os.getloadavg()[0]})
            print(count, found[str(count)][-1], flush=True)
    assert hashes(work / "workers_1_0") == hashes(work / "workers_2_0")
    best = {count: min(one["seconds"] for one in rows) for count, rows in found.items()}
    cpu = {count: min(one["cpu_seconds"] for one in rows) for count, rows in found.items()}
    return {**found, "speedup_by_the_clock": best["1"] / best["2"], "cpu_of_two_over_one": cpu["2"] / cpu["1"]}


def nodes(work: Path) -> dict[str, Any]:
    """Two Ray nodes on loopback against the local engine."""
    import ray
    from ray.cluster_utils import Cluster

    from glmtts.data.pipeline.config import load_pipeline
    from glmtts.data.pipeline.runner import run_pipeline

    made_corpus(work / "raw_nodes", 10, 20)
    for output in ("local", "nodes"):
        shutil.rmtree(work / output, ignore_errors=True)
    run_pipeline(load_pipeline(config_file(work, "local", "workers = 1", 5, 20, "raw_nodes")))
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 1, "object_store_memory": 256 << 20, "include_dashboard": False},
    )
    second = cluster.add_node(num_cpus=1, object_store_memory=256 << 20)  # two actors of one CPU: one a node
    cluster.wait_for_nodes()
    started = time.monotonic()
    engine = f'kind = "ray"\naddress = "{cluster.address}"'
    run_pipeline(load_pipeline(config_file(work, "nodes", engine, 5, 20, "raw_nodes")))
    seconds = time.monotonic() - started
    there = [node["NodeID"] for node in _nodes(ray, cluster)]
    cluster.remove_node(second)
    cluster.shutdown()
    return {
        "nodes": len(there),
        "equal": hashes(work / "local") == hashes(work / "nodes"),
        "seconds": round(seconds, 1),
    }


def _nodes(ray: Any, cluster: Any) -> list[dict[str, Any]]:
    ray.init(address=cluster.address, log_to_driver=False)
    alive = [node for node in ray.nodes() if node["Alive"]]
    ray.shutdown()
    return alive


def main() -> None:
    """Measure one of them."""
    arguments = parser_of(__doc__)
    arguments.add_argument("what", choices=("memory", "workers", "nodes"))
    arguments.add_argument("--work", type=folder_to_fill, required=True)
    chosen = arguments.parse_args()
    sys.path.insert(0, str(HERE))
    found = {"memory": memory, "workers": workers, "nodes": nodes}[chosen.what](chosen.work)
    write_result(f"pipeline_{chosen.what}", {**found, **environment()})


if __name__ == "__main__":
    run_program(main)
