"""What every benchmark writes beside its figures, and where."""

import json
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

import torch

RESULTS = Path(__file__).parent / "results"


def environment() -> dict[str, Any]:
    """Hardware with its instruction set and measured read bandwidth, versions and commit."""
    command = ["git", "-C", str(RESULTS.parent), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True, check=False)
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "hardware": gpu or f"{_processor()}, {torch.get_num_threads()} threads",
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "read_gigabytes_a_second": _read_bandwidth(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "commit": commit.stdout.strip(),
    }


def _read_bandwidth() -> float:
    """What one sum over 256 MiB of float32 reads in a second, the best of three."""
    values, best = torch.ones(1 << 26), 0.0
    for _ in range(3):
        started = time.perf_counter()
        values.sum()
        best = max(best, values.nbytes / (time.perf_counter() - started))
    return round(best / 1e9, 1)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def resident_mib(process: int | str = "self") -> float:
    """Resident memory of a process in MiB."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def write_result(name: str, result: dict[str, Any]) -> None:
    """Write `results/NAME.json` and show it."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(result, indent=1, ensure_ascii=False)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(text)
