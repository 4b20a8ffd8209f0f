"""How many threads an operation of the models gets.

PyTorch's OpenMP threads spin while they wait for each other, so on a machine that does anything else they wait for a
thread that is not running: "Hi." took 10 s with two threads on two cores that others used too, 0.7 s with one. The
operations of a small bundle are too short to gain from a second thread. And a process that forked after operations with
several threads hangs in the next one, since only the forking thread lives on.
"""

import os
from pathlib import Path

SMALL_BUNDLE = 400 << 20  # bytes: above, reading the weights takes longer than threads take to meet
VARIABLE = "OMP_NUM_THREADS"
CGROUP = Path("/sys/fs/cgroup")


def usable_cpus(cgroup: Path = CGROUP) -> int:
    """The processors that this process may use: those it is pinned to, and what its container's quota allows."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(cgroup)
    return count if quota is None else max(1, min(count, int(quota)))


def _quota(cgroup: Path) -> float | None:
    """Processors a container may use, from version 2 or 1 of Linux's control groups; None where it has no quota."""
    try:
        if (cgroup / "cpu.max").is_file():
            quota, period = (cgroup / "cpu.max").read_text().split()
        else:
            quota = (cgroup / "cpu/cpu.cfs_quota_us").read_text()
            period = (cgroup / "cpu/cpu.cfs_period_us").read_text()
        return float(quota) / float(period) if float(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):  # "max": no quota
        return None


def threads_for(weights: int, cpus: int | None = None) -> int:
    """Threads for a bundle with so many bytes of weights, on so many processors."""
    return 1 if weights < SMALL_BUNDLE else cpus or usable_cpus()


def use_threads(folder: Path, requests: int = 1) -> int:
    """Set PyTorch's threads for the bundle in a folder, which speaks so many requests at a time; gives the number.

    Who sets OMP_NUM_THREADS has decided: it raises the number as well as lowers it.
    """
    import torch

    if not os.environ.get(VARIABLE):
        weights = sum(path.stat().st_size for path in folder.glob("*") if path.is_file())
        torch.set_num_threads(max(1, threads_for(weights) // requests))
    return torch.get_num_threads()


def wait_without_spinning() -> None:
    """Have OpenMP's threads sleep while they wait. To be called before PyTorch is imported, which reads it once."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
