"""What stands in the head of every report: hardware with its read bandwidth, versions, commit, hashes."""

import platform
import subprocess
import time
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("glm-tts", "torch", "numpy", "jiwer", "zhon", "zhconv", "faster-whisper", "funasr", "resemblyzer")


@cache
def environment() -> dict[str, Any]:
    """Hardware with its instruction set and measured read bandwidth, versions and commit."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "hardware": gpu or f"{processor()}, {torch.get_num_threads()} threads",
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "read_gigabytes_a_second": read_bandwidth(),
        "versions": {"python": platform.python_version()} | _versions(),
        "commit": commit(),
    }


def read_bandwidth() -> float:
    """What one sum over 256 MiB of float32 reads in a second, the best of three, in gigabytes."""
    values, best = torch.ones(1 << 26), 0.0
    for _ in range(3):
        started = time.perf_counter()
        values.sum()
        best = max(best, values.nbytes / (time.perf_counter() - started))
    return round(best / 1e9, 1)


def processor() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    # 64-bit ARM has no line of that name
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def commit(code: Path = Path(__file__)) -> str | None:
    """The commit of the checkout that tracks a file of code, with `+` where its folder was changed.

    None outside of one: installed in an environment within somebody's project, the code is not of that repository.
    """
    commands = (
        ["ls-files", "--error-unmatch", "--", code.name],
        ["rev-parse", "--short", "HEAD"],
        ["status", "--porcelain", "--untracked-files=no", "--", "."],
    )
    try:
        tracked, found, changed = (
            subprocess.run(["git", "-C", str(code.parent), *command], capture_output=True, text=True, check=False)
            for command in commands
        )
    except OSError:
        return None
    if tracked.returncode or found.returncode:
        return None
    return found.stdout.strip() + ("+" if changed.stdout.strip() else "")


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
