"""One text on its way to one client as speech."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator

import numpy as np
from starlette.types import Receive

from glmtts.server.engine import SpeechRequest, Words
from glmtts.server.jobs import Job
from glmtts.server.service import Service


class SpeechJob:
    """Audio of a request as it is made, with its metrics; `close` must be called at the end, however it comes."""

    def __init__(self, service: Service, request: SpeechRequest, client: str, admitted: bool = False) -> None:
        """Queue the request of a client; one that was `admitted` is spoken even while the server shuts down.

        Raises:
            ApiError: 429 the queue is full, 503 the server takes nothing.
        """
        if not admitted:
            service.admit()
        self._service, self._started = service, time.perf_counter()
        speak: Callable[[SpeechRequest], Iterator[np.ndarray | Words]]
        speak = service.engine.timed if request.timed else service.engine.stream
        self._job = service.workers.submit(Job(lambda: speak(request), service.settings.request_timeout, client))
        self._watcher: asyncio.Task[None] | None = None
        self._samples, self._heard, self._finished, self._closed = 0, False, False, False
        service.active += 1

    @property
    def seconds(self) -> float:
        """How much audio has been made."""
        return self._samples / self._service.engine.rate

    @property
    def token_rate(self) -> float:
        """Speech tokens a second."""
        return self._service.engine.token_rate

    @property
    def cancelled(self) -> bool:
        """Whether the client left."""
        return self._job.cancelled

    def cancel_when_gone(self, receive: Receive) -> None:
        """Stop the work as soon as an HTTP client leaves, even while it waits in the queue."""
        self._watcher = self._job.cancel_when_gone(receive)

    async def parts(self) -> AsyncIterator[np.ndarray | Words]:
        """Samples (T,) at the engine's rate as they become ready, and times of words; fewer where the client left."""
        async for part in self._job:
            if isinstance(part, np.ndarray):
                self._count(part)
            yield part
        # a cancelled one ends its parts early, and would count as a short answer
        if not self._job.cancelled:
            self._service.metrics.whole.observe(time.perf_counter() - self._started)
            self._finished = True

    def _count(self, samples_T: np.ndarray) -> None:
        if not self._heard and samples_T.any():  # a pause may come first
            self._heard = True
            self._service.metrics.first_chunk.observe(time.perf_counter() - self._started)
        self._samples += len(samples_T)

    def close(self) -> None:
        """Stop the work if it still goes on, and count what happened."""
        if self._closed:
            return
        self._closed = True
        if self._watcher is not None:
            self._watcher.cancel()
        if not self._finished:
            self._service.metrics.cancelled.inc()
        self._job.cancel()
        self._service.metrics.audio.inc(self.seconds)
        self._service.active -= 1
