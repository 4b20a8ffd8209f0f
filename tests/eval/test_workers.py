"""Workers of a cluster: an address at which nothing answers is one sentence, at once."""

import socket
from types import SimpleNamespace

import pytest

from glmtts.errors import AsrError, EvaluationError
from glmtts.eval.workers import RayWorkers

ray = pytest.importorskip("ray")


@pytest.fixture
def closed() -> int:
    """A port that nothing listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.parametrize("address", ["127.0.0.1:{}", "ray://127.0.0.1:{}", "[::1]:{}"])
def test_a_machine_that_does_not_answer_is_told(address: str, closed: int) -> None:
    with pytest.raises(EvaluationError, match=r"no Ray cluster at .* Correct the address"):
        RayWorkers(address.format(closed))


@pytest.mark.parametrize("address", ["nonsense", "auto", "127.0.0.1:99999999"])
def test_what_is_no_address_is_told(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(EvaluationError, match=r"no Ray cluster at .* Correct the address"):
        RayWorkers(address)


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
