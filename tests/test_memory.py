"""What long-running processes do about memory."""

import platform
import subprocess
import sys

import pytest

GROWTH = """
import sys, time, torch
from pathlib import Path
from glmtts.memory import trim, trimming
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
torch.zeros(8_000_000)
before, kept = resident(), []
def work():
    for size in range(100):
        # each hole is too small for the next tensor
        kept.append((torch.ones(1_000_000 + 10_000 * size), bytearray(1000)))
    kept[:] = [one for _, one in kept]
work()
if sys.argv[1] == "now":
    assert trim()
else:
    with trimming(0.01):
        time.sleep(0.5)
assert resident() - before < 8_000_000, resident() - before
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone has the setting")
@pytest.mark.parametrize("when", ["now", "later"])
def test_freed_tensors_leave_the_process(when: str) -> None:
    subprocess.run([sys.executable, "-c", GROWTH, when], check=True)
