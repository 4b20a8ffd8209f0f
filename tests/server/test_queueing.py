"""Clients share the workers fairly: who asks for much holds back its own requests, and so does who reads slowly."""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import HTTPConnection

from glmtts.server.errors import ApiError
from glmtts.server.jobs import AHEAD, Job
from glmtts.server.queueing import Workers
from glmtts.server.routes.common import client_of
from glmtts.server.settings import ServerSettings
from tests.server.running import wait_until


class Desk:
    """Workers whose steps wait until the test lets them go on; it notes who has begun a step, in order."""

    def __init__(self, workers: Workers) -> None:
        self.workers, self.begun = workers, list[str]()
        self.gates: defaultdict[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(0))

    def ask(self, client: str, steps: int = 3) -> Job[int]:
        def work() -> Iterator[int]:
            for step in range(steps):
                self.begun.append(client)
                self.gates[client].acquire()
                yield step

        return self.workers.submit(Job(work, 60, client))

    async def until(self, *begun: str) -> None:
        """Wait until exactly these steps were begun."""
        await asyncio.to_thread(wait_until, lambda: len(self.begun) >= len(begun), 20)
        assert sorted(self.begun) == sorted(begun)

    def let(self, client: str, steps: int = 1000) -> None:
        self.gates[client].release(steps)


@contextmanager
def desk(count: int, queue_size: int = 100) -> Iterator[Desk]:
    workers = Workers(count, queue_size)
    made = Desk(workers)
    try:
        yield made
    finally:
        workers.stop()
        for client in list(made.gates):
            made.let(client)


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 60))


def test_a_newcomer_begins_before_the_rest_of_who_came_first() -> None:
    async def test() -> None:
        with desk(1) as at:
            many = [at.ask("many") for _ in range(5)]
            await at.until("many")
            one = at.ask("one")
            at.let("many", 1)
            await at.until("many", "one")
            at.let("many")
            at.let("one")
            assert [step async for step in one] == [0, 1, 2]
            assert [[step async for step in job] for job in many] == [[0, 1, 2]] * 5

    run(test())


def test_a_client_is_at_most_one_step_ahead_of_the_others() -> None:
    async def test() -> None:
        with desk(4) as at:
            for _ in range(8):
                at.ask("many", steps=20)
            await at.until(*["many"] * 4)
            at.ask("one", steps=20)
            at.let("many", 4)
            await at.until(*["many"] * 6, "one")  # two of the many go on beside the one, the fourth worker rests

    run(test())


def test_a_full_queue_drops_the_newest_of_who_has_most() -> None:
    async def test() -> None:
        with desk(1, queue_size=3) as at:
            spoken = at.ask("many")
            await at.until("many")
            waiting = [at.ask("many") for _ in range(3)]
            with pytest.raises(ApiError, match="3 requests wait"):
                at.ask("many")
            one = at.ask("one")
            with pytest.raises(ApiError) as dropped:
                await anext(aiter(waiting[2]))
            assert dropped.value.status == 429
            at.let("many")
            at.let("one")
            for job in (spoken, one, *waiting[:2]):
                assert [step async for step in job] == [0, 1, 2]

    run(test())


def test_clients_that_left_the_queue_are_forgotten() -> None:
    async def test() -> None:
        with desk(1, queue_size=2) as at:
            at.ask("one", steps=1)
            await at.until("one")
            for number in range(2):
                at.ask(f"gone-{number}").cancel()
            at.ask("two", steps=1)
            assert set(at.workers._clients) == {"one", "two"}

    run(test())


@pytest.mark.parametrize(("keys", "clients"), [((), 1), (("a", "b"), 2)])
def test_a_client_is_its_key_only_where_there_are_keys(tmp_path: Path, keys: tuple[str, ...], clients: int) -> None:
    """A server without keys takes any, and who made up a new one for each request would be many clients."""

    def client(key: str) -> str:
        settings = ServerSettings(voices_folder=tmp_path, api_keys=keys)
        app = SimpleNamespace(state=SimpleNamespace(service=SimpleNamespace(settings=settings)))
        headers = [(b"authorization", f"Bearer {key}".encode())]
        return client_of(HTTPConnection({"type": "http", "app": app, "client": ("10.0.0.1", 1), "headers": headers}))

    assert len({client(key) for key in ("a", "b")}) == clients


def test_who_comes_to_free_workers_does_not_wait() -> None:
    """Requests that come at once, before a worker has woken for the first: no more wait than was said."""

    async def test() -> None:
        with desk(2, queue_size=1) as at:
            with at.workers._changed:  # no worker takes anything meanwhile
                taken = [at.ask("many", steps=1) for _ in range(3)]
                with pytest.raises(ApiError, match="1 requests wait"):
                    at.ask("many")
            await at.until("many", "many")
            with pytest.raises(ApiError, match="1 requests wait"):
                at.ask("many")
            at.let("many")
            assert [[step async for step in job] for job in taken] == [[0]] * 3

    run(test())


def test_who_reads_slowly_is_waited_for_without_a_worker() -> None:
    async def test() -> None:
        with desk(1) as at:
            at.let("slow")
            at.let("quick")
            slow, quick = at.ask("slow", steps=50), at.ask("quick", steps=2)
            assert [step async for step in quick] == [0, 1]
            await asyncio.to_thread(wait_until, lambda: at.begun.count("slow") == AHEAD, 20)
            again = at.ask("quick", steps=2)
            assert [step async for step in again] == [0, 1]
            assert at.begun.count("slow") == AHEAD
            assert [step async for step in slow] == list(range(50))

    run(test())


def test_who_leaves_while_the_work_waits_for_them_ends_it() -> None:
    closed = threading.Event()

    def work() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            closed.set()

    async def test() -> None:
        workers = Workers(1, 4)
        job = workers.submit(Job(work, 60, "slow"))
        await asyncio.to_thread(wait_until, lambda: job.full, 20)
        job.cancel()
        await asyncio.to_thread(wait_until, closed.is_set, 20)
        await asyncio.to_thread(wait_until, lambda: not workers._clients, 20)
        workers.stop()

    run(test())
