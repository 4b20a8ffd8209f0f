"""Work that a few threads do for many requests: a bounded queue, results one by one, a deadline, cancellation."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, suppress
from typing import Any, Generic, TypeVar

from starlette.types import Receive

from glmtts.server.errors import ApiError

T = TypeVar("T")
_END = object()


class Job(Generic[T]):
    """One request's work. A worker thread runs it; the event loop that made it takes the results."""

    def __init__(self, work: Callable[[], Iterator[T]], timeout: float) -> None:
        self._work = work
        self._loop = asyncio.get_running_loop()
        self._deadline, self._timeout = self._loop.time() + timeout, timeout
        self._results: asyncio.Queue[Any] = asyncio.Queue()
        self._cancelled = threading.Event()

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for this any longer."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Give it up: it is not begun, or ends after the result that is being made. Called on the event loop."""
        self._cancelled.set()
        self._results.put_nowait(_END)

    def cancel_when_gone(self, receive: Receive) -> asyncio.Task[None]:
        """Give it up as soon as an HTTP client leaves, even in the queue; gives the task that watches."""

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            self.cancel()

        return asyncio.create_task(watch())

    def run(self) -> None:
        """Do the work, on a worker thread."""
        try:
            if not self.cancelled:
                self._iterate()
            self._hand_over(_END)
        except Exception as error:
            self._hand_over(error)

    def _iterate(self) -> None:
        results: Any = self._work()
        with closing(results):
            for result in results:
                if self.cancelled:
                    return
                self._hand_over(result)

    def _hand_over(self, result: Any) -> None:
        with suppress(RuntimeError):  # the loop may be closed, when a server ends under a running job
            self._loop.call_soon_threadsafe(self._results.put_nowait, result)

    async def __aiter__(self) -> AsyncIterator[T]:
        """Results as they become ready; ends early where the job is cancelled.

        Raises:
            ApiError: 504, the deadline passed.
            Exception: what the work raised.
        """
        while (result := await self._next()) is not _END:
            if isinstance(result, Exception):
                raise result
            yield result

    async def _next(self) -> Any:
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._results.get()
        except TimeoutError:
            self.cancel()
            raise ApiError(504, f"This took longer than {self._timeout:g} seconds.", "timeout") from None


class Workers:
    """Threads that run jobs in the order of their arrival."""

    def __init__(self, count: int, queue_size: int, name: str = "speaking") -> None:
        self._pending: deque[Job[Any]] = deque()
        self._queue_size, self._changed, self._stopped = queue_size, threading.Condition(), False
        self._threads = [threading.Thread(target=self._run, name=f"{name}-{n}", daemon=True) for n in range(count)]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Jobs that nobody has begun."""
        with self._changed:
            return sum(not job.cancelled for job in self._pending)

    @property
    def alive(self) -> bool:
        """Whether every thread runs."""
        return all(thread.is_alive() for thread in self._threads)

    def submit(self, job: Job[T]) -> Job[T]:
        """Put a job at the end of the queue.

        Raises:
            ApiError: 429, too many wait already.
        """
        with self._changed:
            if len(self._pending) >= self._queue_size:
                self._pending = deque(job for job in self._pending if not job.cancelled)
            if len(self._pending) >= self._queue_size:
                raise ApiError(
                    429,
                    f"{len(self._pending)} requests wait already. Try again in a few seconds.",
                    "queue_full",
                    headers={"Retry-After": "2"},
                )
            self._pending.append(job)
            self._changed.notify()
        return job

    def stop(self) -> None:
        """Let the threads end after the jobs that they run."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _run(self) -> None:
        while (job := self._take()) is not None:
            job.run()

    def _take(self) -> Job[Any] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._stopped)
            return None if self._stopped else self._pending.popleft()
