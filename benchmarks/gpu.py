"""Speed on a GPU of the released sizes, on random weights, and of `mini`; what is computed is checked first.

    PYTHONPATH=src python benchmarks/gpu.py --out FOLDER

Each part is a process of its own with a limit of its own, so that one that fails takes no other along; all together
end after six minutes. Each writes FOLDER/PART.json after every figure, and what it prints to FOLDER/PART.log.
`--only PART` runs one of them, here and now, and `--small` does it with small models, which tests the script without a
GPU. The parts `end_to_end` and `mini` need the packages of a front end; the others are content with PyTorch, pydantic,
tqdm and tiktoken.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
import gpu_parts
from gpu_parts import PARTS, Record

from glmtts.eval.hardware import environment

LIMITS = {"correct": 80, "batch_1": 60, "batches": 60, "end_to_end": 70, "mini": 90, "flow": 40, "compiled": 120}
MOST_SECONDS = 350  # of all


def run_all(out: Path, small: bool) -> dict[str, str]:
    """Run every part; gives how each ended."""
    started, ends = time.monotonic(), dict[str, str]()
    for name in PARTS:
        left = MOST_SECONDS - (time.monotonic() - started)
        if left < 10:
            ends[name] = "left out: no time"
            continue
        command = [sys.executable, __file__, "--out", str(out), "--only", name, *(["--small"] if small else [])]
        began = time.monotonic()
        with (out / f"{name}.log").open("w") as log:
            try:
                done = subprocess.run(command, stdout=log, stderr=log, timeout=min(left, LIMITS[name]), check=False)
                ends[name] = "done" if not done.returncode else f"failed ({done.returncode}), see {name}.log"
            except subprocess.TimeoutExpired:
                ends[name] = "stopped at its limit"
        print(f"{name}: {ends[name]} after {time.monotonic() - began:.0f} s", flush=True)
    return ends


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the results; what is there is replaced")
    parser.add_argument("--only", choices=PARTS, help="one part, in this process")
    parser.add_argument("--small", action="store_true", help="small models, to try the script")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.only:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if device.type == "cpu" and not given.small:
            parser.error("there is no GPU that PyTorch sees; --small tries the script without one")
        PARTS[given.only](Record(given.out / f"{given.only}.json"), gpu_parts.Scale.of(device, given.small))
        return
    head = given.out / "environment.json"
    head.write_text(json.dumps(environment(), indent=1) + "\n", encoding="utf-8")
    ends = run_all(given.out, given.small)
    head.write_text(json.dumps(environment() | {"parts": ends}, indent=1) + "\n", encoding="utf-8")
    for name in PARTS:
        path = given.out / f"{name}.json"
        print(f"--- {name}\n{path.read_text(encoding='utf-8') if path.is_file() else 'no figures'}")


if __name__ == "__main__":
    main()
