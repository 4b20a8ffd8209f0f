"""Threads that work for many clients: every client gets its share, whatever the others ask for.

Fair queueing after Nagle (RFC 970) and Demers, Keshav and Shenker (1989), with a step of a job, such as a part of
speech, in place of a packet: the next step goes to the client with the fewest steps in progress, then to the one that
was served least. A client with many requests holds back its own, not those of others, and a full queue drops the
newest request of the client that has the most waiting.
"""

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from glmtts.server.errors import ApiError, shutting_down
from glmtts.server.jobs import Job, T

EXTRA = 2  # times as many jobs as workers are begun at most, so that a client's first need not wait for others to end


@dataclass(eq=False)
class _Client:
    """Who has asked for something that is not done yet; `served` are seconds of work."""

    waiting: deque[Job[Any]] = field(default_factory=deque)
    ready: deque[Job[Any]] = field(default_factory=deque)  # begun, between two steps
    full: set[Job[Any]] = field(default_factory=set)  # begun, and the client has to take something first
    stepping: set[Job[Any]] = field(default_factory=set)
    served: float = 0.0

    @property
    def begun(self) -> int:
        """Jobs that want to go on."""
        return len(self.ready) + len(self.stepping)

    @property
    def active(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.waiting or self.begun)


class Workers:
    """Threads that run jobs a step at a time, fairly among their clients."""

    def __init__(self, count: int, queue_size: int, name: str = "speaking") -> None:
        self._clients: dict[str, _Client] = {}
        self._count, self._queue_size, self._stopped = count, queue_size, False
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._run, name=f"{name}-{n}", daemon=True) for n in range(count)]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Jobs that nobody has begun."""
        with self._changed:
            return sum(not job.cancelled for client in self._clients.values() for job in client.waiting)

    @property
    def alive(self) -> bool:
        """Whether every thread runs."""
        return all(thread.is_alive() for thread in self._threads)

    def submit(self, job: Job[T]) -> Job[T]:
        """Put a job at the end of its client's queue. Called on the event loop.

        Raises:
            ApiError: 429, too many wait already; 503, the threads end.
        """
        with self._changed:
            if self._stopped:
                raise shutting_down()
            self._make_space(job)
            if job.client not in self._clients:
                # not 0: a new client would else come before all until it had caught up with their past
                least = min((other.served for other in self._clients.values()), default=0.0)
                self._clients[job.client] = _Client(served=least)
            self._clients[job.client].waiting.append(job)
            job.on_space = partial(self._go_on, job)
            self._changed.notify()
        return job

    def stop(self) -> None:
        """Answer every job with 503, and let the threads end after the steps that they make."""
        with self._changed:
            self._stopped = True
            for client in self._clients.values():
                left = [*client.waiting, *client.ready, *client.full, *client.stepping]
                client.waiting.clear()
                for job in left:
                    if not job.cancelled:
                        job.fail(shutting_down())
            self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Wait so long for the threads to end, after `stop`; gives whether all did."""
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _make_space(self, job: Job[Any]) -> None:
        """Where the queue is full, drop the newest job of the client with the most, unless that is who asks."""
        if self._length() >= self._queue_size:
            for client in self._clients.values():
                client.waiting = deque(waiting for waiting in client.waiting if not waiting.cancelled)
            # those that left no work: no step of theirs will end and forget them
            self._clients = {name: one for name, one in self._clients.items() if one.active or one.full}
        if (length := self._length()) < self._queue_size:
            return
        refusal = ApiError(
            429,
            f"{length} requests wait already. Try again in a few seconds.",
            "queue_full",
            headers={"Retry-After": "2"},
        )
        mine = len(self._clients[job.client].waiting) if job.client in self._clients else 0
        longest = max(self._clients.values(), key=lambda client: len(client.waiting))
        # who asks would have as many himself: to drop another's request would only exchange them
        if len(longest.waiting) <= mine + 1:
            raise refusal
        longest.waiting.pop().fail(refusal)

    def _length(self) -> int:
        """Jobs that wait, less those for which a worker is free and only has to wake."""
        free = 0 if self._stopped else max(0, self._count - self._begun())
        return max(0, sum(len(client.waiting) for client in self._clients.values()) - free)

    def _begun(self) -> int:
        return sum(client.begun for client in self._clients.values())

    def _go_on(self, job: Job[Any]) -> None:
        """The client took something, or left: a job that waited for it goes on."""
        with self._changed:
            client = self._clients.get(job.client)
            if client and job in client.full and not job.full:
                client.full.discard(job)
                client.ready.append(job)
                self._changed.notify()

    def _run(self) -> None:
        while (taken := self._take()) is not None:
            client, job = taken
            begun = time.monotonic()
            goes_on = job.step()
            self._put_back(client, job, goes_on, time.monotonic() - begun)

    def _put_back(self, client: _Client, job: Job[Any], goes_on: bool, seconds: float) -> None:
        with self._changed:
            client.stepping.discard(job)
            client.served += seconds
            if goes_on and job.full:
                client.full.add(job)
            elif goes_on:
                client.ready.append(job)
            if not (client.active or client.full):
                self._clients.pop(job.client, None)
            self._changed.notify_all()  # others may have been held back by this step

    def _take(self) -> tuple[_Client, Job[Any]] | None:
        with self._changed:
            while not (client := self._next()):
                if self._stopped:
                    return None
                self._changed.wait()
            # what is begun before what waits, else a stream would stall behind the client's next request
            job = client.ready.popleft() if client.ready else client.waiting.popleft()
            client.stepping.add(job)
            return client, job

    def _next(self) -> _Client | None:
        """The client whose turn it is, None where no step can be made now.

        A client may be one step ahead of the others: with two that work, one with a hundred requests gets at most two
        thirds of the machine, and a client alone gets all of it.
        """
        clients = [client for client in self._clients.values() if client.active]
        able = [client for client in clients if client.ready or (client.waiting and self._may_begin(client))]
        if not able:
            return None
        chosen = min(able, key=lambda client: (len(client.stepping), client.served))
        others = [len(client.stepping) for client in clients if client is not chosen]
        return chosen if len(chosen.stepping) <= min(others, default=len(chosen.stepping)) else None

    def _may_begin(self, client: _Client) -> bool:
        if self._stopped:
            return False
        begun = self._begun()
        return begun < self._count or (not client.begun and begun < EXTRA * self._count)
