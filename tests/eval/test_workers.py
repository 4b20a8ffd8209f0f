"""Workers of a cluster: an address at which nothing answers is one sentence, at once."""

import os
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest

from glmtts.errors import AsrError, EvaluationError
from glmtts.eval.workers import RayWorkers

ray = pytest.importorskip("ray")


# in a process of its own: in this one another test may have a cluster, and then the address is not asked
ASK = """
import sys
from glmtts.errors import EvaluationError
from glmtts.eval.workers import RayWorkers
for address in sys.argv[1:]:
    try:
        RayWorkers(address)
    except EvaluationError as error:
        print(error)
"""


def test_an_address_of_no_cluster_is_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]  # nothing listens there
    known = [f"127.0.0.1:{closed}", f"ray://127.0.0.1:{closed}", f"[::1]:{closed}"]
    addresses = [*known, "nonsense", "127.0.0.1:99999999"]
    without = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    done = subprocess.run(
        [sys.executable, "-c", ASK, *addresses], env=without, capture_output=True, text=True, timeout=120, check=True
    )
    said = done.stdout.splitlines()
    assert [line.partition("': ")[0] for line in said] == [f"There is no Ray cluster at '{one}" for one in addresses]
    assert all(line.endswith("Correct the address, or give --ray local.") for line in said)


def test_what_a_task_raises_is_said_as_it_was_raised() -> None:
    """Ray's own error of it has a traceback for its text, and is not of the kind that the command line tells."""
    workers = RayWorkers.__new__(RayWorkers)

    def lost(error: Exception) -> EvaluationError:
        workers.ray = SimpleNamespace(exceptions=ray.exceptions, get=lambda reference: _raise(error))
        with pytest.raises((EvaluationError, AsrError)) as told:
            workers._result(None)
        return told.value

    cause = AsrError("The recogniser is not installed. Install it.")
    assert lost(ray.exceptions.RayTaskError("f", "Traceback …", cause)) is cause
    assert "it goes on where it was" in str(lost(ray.exceptions.WorkerCrashedError()))


def _raise(error: Exception) -> None:
    raise error
