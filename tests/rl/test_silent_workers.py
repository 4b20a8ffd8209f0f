"""gRPC workers that hang, end themselves or are something else: the others are asked, or one sentence says so."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from glmtts.errors import RlError
from glmtts.rl.rewards import scoring
from glmtts.rl.rewards.base import Context
from glmtts.rl.rewards.grpc_workers import SCORE, SERVICE, RewardWorker, serve
from glmtts.rl.rewards.scoring import RewardSection, Scoring
from glmtts.rl.rewards.turns import Turns, seconds_each
from tests.rl.test_scoring import OWN, completions

grpc = pytest.importorskip("grpc")


def server(answer: Callable[[bytes], bytes]) -> tuple[Any, str]:
    """A server of the same call that is no worker of ours, and its address."""
    started = grpc.server(ThreadPoolExecutor(2))
    handler = grpc.unary_unary_rpc_method_handler(lambda message, context: answer(message))
    started.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {SCORE: handler}),))
    port = started.add_insecure_port("127.0.0.1:0")
    started.start()
    return started, f"127.0.0.1:{port}"


@pytest.fixture
def worker() -> Iterator[str]:
    """The address of a worker that answers."""
    healthy = RewardWorker(Context(None), None)
    started, address = server(lambda message: b"")
    started.stop(None).wait()  # its port is free, and known
    ours = serve(healthy, address)
    yield address
    ours.stop(None).wait()


@pytest.fixture
def hanging() -> Iterator[tuple[str, list[float]]]:
    """The address of a worker that takes a call and never answers, and when it was asked."""
    over, asked = threading.Event(), list[float]()

    def wait(message: bytes) -> bytes:
        asked.append(time.monotonic())
        over.wait(30)
        return b"[]"

    started, address = server(wait)
    yield address, asked
    over.set()
    started.stop(None).wait()


def own(kind: str, *addresses: str, minutes: float = 0.1, **options: Any) -> Scoring:
    values = {"runs": "grpc", "addresses": addresses, "patience_minutes": minutes, "batch": 1}
    return Scoring({"own": RewardSection(kind=f"{OWN}:{kind}", options=options, **values)}, Context(None), None)


def test_another_worker_is_asked_where_one_hangs(
    worker: str, hanging: tuple[str, list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the patience, and from then on first."""
    monkeypatch.setattr(scoring, "FIRST_WAIT", 0.0)
    address, asked = hanging
    scores, _ = own("FewTokens", address, worker).score(completions(1, 2, 3, 4), ["own"])
    assert scores["own"].tolist() == [1 / 2, 1 / 3, 1 / 4, 1 / 5]
    assert len(asked) == 1


def test_where_all_hang_the_run_ends(hanging: tuple[str, list[float]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "FIRST_WAIT", 0.0)
    with pytest.raises(RlError, match=r"has not answered for 0\.02 minutes \(deadline_exceeded\)"):
        own("FewTokens", hanging[0], hanging[0], minutes=0.02).score(completions(1), ["own"])
    assert len(hanging[1]) >= 2


@pytest.mark.parametrize(
    ("way", "said"), [("exit", "SystemExit: 3"), ("exit at last", "SystemExit"), ("float", "no number today")]
)
def test_a_worker_tells_of_a_reward_that_fails_and_lives_on(way: str, said: str, worker: str) -> None:
    with pytest.raises(RlError, match=f"worker refused: .*{said}"):
        own("Awkward", worker, way=way).score(completions(1), ["own"])
    assert own("FewTokens", worker).score(completions(1), ["own"])[0]["own"].tolist() == [0.5]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"hello", "is no reward worker: it sends no scores"),
        (b"\xff", "is no reward worker"),
        (b"[" * 100_000, "is no reward worker"),
        (b'{"score": 1}', "must give a number or None for each of 1 answers"),
        (b"null", "must give a number"),
    ],
)
def test_what_is_no_worker_is_one_sentence(answer: bytes, said: str) -> None:
    started, address = server(lambda message: answer)
    try:
        with pytest.raises(RlError, match=said):
            own("FewTokens", address).score(completions(1), ["own"])
    finally:
        started.stop(None).wait()


def test_those_that_were_late_come_last() -> None:
    turns = Turns(3)
    assert [turns.next() for _ in range(4)] == [0, 1, 2, 0]
    turns.late(0)
    assert [turns.next() for _ in range(4)] == [1, 2, 1, 2]
    turns.late(2)
    turns.late(1)
    assert [turns.next() for _ in range(4)] == [0, 2, 1, 0]  # all were: they may have come back
    assert [seconds_each(1.0, workers) for workers in (1, 2, 4, 64)] == [60, 30, 15, 15]
