"""Work for one request: results one by one, a limit on the time that it may take, cancellation, back-pressure."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, suppress
from typing import Any, Generic, TypeVar

from starlette.types import Receive

from glmtts.server.errors import ApiError

T = TypeVar("T")
_END = object()
AHEAD = 8  # results that wait for a slow client; a part of speech has up to five seconds, so at most 4 MB


class Job(Generic[T]):
    """One request's work. Worker threads make its results, one step each; the event loop that made it takes them.

    `client` names who asked, so that clients can share the workers fairly (queueing.py).
    """

    def __init__(self, work: Callable[[], Iterator[T]], timeout: float, client: str = "") -> None:
        self.client = client
        self._work = work
        self._made: Any = None  # the iterator of the results, once it is begun
        self._loop = asyncio.get_running_loop()
        self._left, self._timeout = timeout, timeout
        self._results: asyncio.Queue[Any] = asyncio.Queue()
        self._cancelled = threading.Event()
        self._given = self._taken = 0
        self.on_space: Callable[[], None] = lambda: None

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for this any longer."""
        return self._cancelled.is_set()

    @property
    def full(self) -> bool:
        """Whether so much waits for the client that no more should be made."""
        return self._given - self._taken >= AHEAD and not self.cancelled

    def cancel(self) -> None:
        """Give it up: it is not begun, or ends after the result that is being made. Called on the event loop."""
        self._cancelled.set()
        self._results.put_nowait(_END)
        self.on_space()

    def cancel_when_gone(self, receive: Receive) -> asyncio.Task[None]:
        """Give it up as soon as an HTTP client leaves, even in the queue; gives the task that watches."""

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            self.cancel()

        return asyncio.create_task(watch())

    def fail(self, error: Exception) -> None:
        """End it with an error: it is not begun, or ends after the result that is being made."""
        self._hand_over(error)
        self._cancelled.set()
        self.on_space()

    def step(self) -> bool:
        """Make one result, on a worker thread; gives whether there are more."""
        try:
            if not self.cancelled:
                self._made = self._made or self._work()
                result = next(self._made, _END)
                self._hand_over(result)
                if result is not _END and not self.cancelled:
                    return True
            if self._made is not None:
                # on the worker's thread: closing runs the generator to its end, which must not hold up the event loop
                with closing(self._made):
                    self._made = None
        except Exception as error:
            self._hand_over(error)
        return False

    def _hand_over(self, result: Any) -> None:
        self._given += 1
        with suppress(RuntimeError):  # the loop may be closed, when a server ends under a running job
            # a queue of asyncio may be touched on its loop's thread alone
            self._loop.call_soon_threadsafe(self._results.put_nowait, result)

    async def __aiter__(self) -> AsyncIterator[T]:
        """Results as they become ready; ends early where the job is cancelled.

        Raises:
            ApiError: 504, the client had to wait too long.
            Exception: what the work raised.
        """
        while (result := await self._next()) is not _END:
            if isinstance(result, Exception):
                raise result
            yield result

    async def _next(self) -> Any:
        """The next result. What counts is the time that the client waits for us, not the time that it takes to read."""
        begun = self._loop.time()
        try:
            async with asyncio.timeout(self._left):
                result = await self._results.get()
        except TimeoutError:
            self.cancel()
            raise ApiError(504, f"This took longer than {self._timeout:g} seconds.", "timeout") from None
        self._left -= self._loop.time() - begun
        self._taken += 1
        self.on_space()
        return result
