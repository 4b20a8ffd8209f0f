"""How many threads an operation of the models gets.

PyTorch's OpenMP threads spin while they wait for each other, so on a machine that does anything else they wait for a
thread that is not running. With two threads on two cores that others used too, "Hi." took many times as long as with
one (benchmarks/busy.py measures it). The operations of a small bundle are too short to gain from a second thread. And a
process that forked after operations with several threads hangs in the next one, since only the forking thread lives on.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from glmtts.errors import ConfigError

SMALL_BUNDLE = 400 << 20  # bytes: above, reading the weights takes longer than threads take to meet
MOST_THREADS = 1024  # above what any machine gains from; of 100,000 OpenMP cannot make all, and ends the process
VARIABLE = "OMP_NUM_THREADS"
CGROUP, MEMBERSHIP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def usable_cpus(cgroup: Path = CGROUP, membership: Path = MEMBERSHIP) -> int:
    """The processors that this process may use: those it is pinned to, and what the quotas of its groups allow."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [quota for folder in _groups(cgroup, membership) if (quota := _quota(folder)) is not None]
    return max(1, int(min([count, *quotas])))


def _groups(cgroup: Path, membership: Path) -> Iterator[Path]:
    """Folders that may hold a quota: inside a container the root's own, else those of the process's group and above.

    A line of the membership is `number:controllers:path`; version 2 of the control groups names no controllers.
    """
    yield from (cgroup, cgroup / "cpu")
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):  # not Linux
        return
    for _, controllers, path in (line.split(":", 2) for line in lines if line.count(":") >= 2):
        # version 1 mounts each controller apart; only that of cpu has quotas
        root = cgroup if not controllers else cgroup / "cpu"
        if not controllers or "cpu" in controllers.split(","):
            own = Path(path.lstrip("/"))
            # not the root, which came first; nor "..", as a group outside of the namespace is written
            yield from (root / folder for folder in (own, *own.parents) if folder.parts and ".." not in folder.parts)


def _quota(group: Path) -> float | None:
    """Processors that a group may use, in version 2 or 1 of Linux's control groups; None where it has no quota."""
    try:
        if (group / "cpu.max").is_file():
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota = (group / "cpu.cfs_quota_us").read_text()
            period = (group / "cpu.cfs_period_us").read_text()
        # version 1 writes −1 for no quota
        return float(quota) / float(period) if float(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):  # "max": no quota
        return None


def threads_for(weights: int, cpus: int | None = None) -> int:
    """Threads for a bundle with so many bytes of weights, on so many processors."""
    return 1 if weights < SMALL_BUNDLE else cpus or usable_cpus()


def check_threads(threads: int | None) -> None:
    """Refuse a number of threads that is given and that no machine can use.

    Raises:
        ConfigError: it is zero or below, above 1,024, or no int.
    """
    if threads is None:
        return
    # True is an int, which PyTorch refuses in its own words
    whole = isinstance(threads, int) and not isinstance(threads, bool)
    if not whole or not 1 <= threads <= MOST_THREADS:
        raise ConfigError(
            f"The number of threads is {threads!r}. Choose 1 to {MOST_THREADS}, a whole number, or leave it out."
        )


def use_threads(folder: Path, requests: int = 1, threads: int | None = None) -> int:
    """Set PyTorch's threads for the bundle in a folder, which speaks so many requests at a time; gives the number.

    A given number of `threads` is taken as it is. Who sets OMP_NUM_THREADS has decided too: it raises the number as
    well as lowers it.

    Raises:
        ConfigError: the given number is not from 1 to 1,024.
    """
    import torch

    check_threads(threads)
    if threads is not None:
        torch.set_num_threads(threads)
    elif not os.environ.get(VARIABLE):
        weights = sum(path.stat().st_size for path in folder.glob("*") if path.is_file())
        # requests that are served at a time share the processors
        torch.set_num_threads(max(1, threads_for(weights) // requests))
    return torch.get_num_threads()


def wait_without_spinning() -> None:
    """Have OpenMP's threads sleep while they wait. To be called before PyTorch is imported, which reads it once."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
