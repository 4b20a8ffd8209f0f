"""What long-running processes do about memory."""

import platform
import subprocess
import sys

import pytest

GROWTH = """
import torch
from pathlib import Path
from glmtts.memory import set_malloc_trim
assert set_malloc_trim()
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
torch.zeros(8_000_000)
before, kept = resident(), []
for size in range(100):
    big = torch.ones(4_000_000 + 10_000 * size)
    kept.append(bytearray(1000))
    del big
assert resident() - before < 8_000_000
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone has the setting")
def test_freed_tensors_leave_the_process() -> None:
    subprocess.run([sys.executable, "-c", GROWTH], check=True)
