"""Threads by the size of a bundle and the quota of a container; a fork after speaking does not hang."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from glmtts.errors import ConfigError
from glmtts.threads import SMALL_BUNDLE, check_threads, threads_for, usable_cpus

pytestmark = pytest.mark.long


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"cpu.max": "150000 100000"}, 1.5),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({"cpu.max": "nonsense"}, None),
        ({}, None),
    ],
)
def test_the_quota_of_a_container_counts(tmp_path: Path, files: dict[str, str], quota: float | None) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    everything = usable_cpus(tmp_path / "missing", tmp_path / "missing")
    assert everything >= 1
    assert usable_cpus(tmp_path, tmp_path / "missing") == (
        everything if quota is None else max(1, min(everything, int(quota)))
    )


def test_small_bundles_speak_with_one_thread() -> None:
    assert threads_for(SMALL_BUNDLE - 1, 8) == 1
    assert threads_for(SMALL_BUNDLE, 8) == 8


SPEAK_AND_FORK = """
import os, sys
from pathlib import Path
from glmtts.threads import use_threads, wait_without_spinning
wait_without_spinning()
import glmtts
assert use_threads(Path(sys.argv[1])) == 1
tts = glmtts.load(sys.argv[1])
import torch
assert torch.get_num_threads() == 1
tts.say("Hello.")
child = os.fork()
if child == 0:
    tts.say("Hello again.")
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
glmtts.load(sys.argv[1], threads=2)
print(torch.get_num_threads())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_after_speaking_does_not_hang(tiny_folder: Path) -> None:
    """A small bundle's one thread is for this; a number that is given stays."""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    command = [sys.executable, "-c", SPEAK_AND_FORK, str(tiny_folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "7\n2\n", done.stderr


@pytest.mark.parametrize(
    ("lines", "files", "quota"),
    [
        ("0::/a.slice/b.scope\n", {"a.slice/cpu.max": "200000 100000", "a.slice/b.scope/cpu.max": "max 100000"}, 2),
        ("0::/a.slice/b.scope\n", {"a.slice/b.scope/cpu.max": "100000 100000"}, 1),
        ("4:cpu,cpuacct:/d/x\n", {"cpu/d/x/cpu.cfs_quota_us": "100000", "cpu/d/x/cpu.cfs_period_us": "100000"}, 1),
        ("0::/../outside\n", {}, None),
        ("nonsense\n", {}, None),
    ],
)
def test_the_quota_of_the_own_group_and_those_above_counts(
    tmp_path: Path, lines: str, files: dict[str, str], quota: float | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "membership").write_text(lines)
    everything = usable_cpus(tmp_path / "missing", tmp_path / "missing")
    wanted = everything if quota is None else min(everything, int(quota))
    assert usable_cpus(tmp_path, tmp_path / "membership") == wanted


LOAD = "import sys, glmtts, torch; tts = glmtts.load(sys.argv[1]); print(torch.get_num_threads())"


def test_the_number_of_threads_of_the_environment_stays(tiny_folder: Path) -> None:
    """One is that of a small bundle: see the fork above."""
    command = [sys.executable, "-c", LOAD, str(tiny_folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "2\n", done.stderr


@pytest.mark.parametrize("threads", [True, "4", 2.0, 0])
def test_what_is_no_number_of_threads_is_one_sentence(threads: int) -> None:
    with pytest.raises(ConfigError, match=f"number of threads is {threads!r}. Choose 1 to 1024, a whole number"):
        check_threads(threads)
