"""One text on its way to one client as speech."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator

import numpy as np
from starlette.types import Receive

from glmtts.server.engine import SpeechRequest, Words
from glmtts.server.errors import CLIENT_GONE, ApiError
from glmtts.server.jobs import Job
from glmtts.server.service import Service


class SpeechJob:
    """Audio of a request as it is made, with its metrics; `close` must be called at the end, however it comes."""

    def __init__(
        self,
        service: Service,
        read: Callable[[], SpeechRequest],
        client: str,
        admitted: bool = False,
        count_text: bool = False,
    ) -> None:
        """Queue the request of a client; one that was `admitted` is spoken even while the server shuts down.

        `read` gives what is spoken. It is the first step of the work: what it takes to read a text is part of a
        client's share too. Where the text is counted, `text_tokens` are those of all of it, once it is spoken.

        Raises:
            ApiError: 429 the queue is full, 503 the server takes nothing.
        """
        if not admitted:
            service.admit()
        self._service, self._started = service, time.perf_counter()
        self._read, self._count_text, self.text_tokens = read, count_text, 0
        self._job = service.workers.submit(Job(self._work, service.settings.request_timeout, client))
        self._results = aiter(self._job)
        self._watcher: asyncio.Task[None] | None = None
        self._speed = 1.0
        self._samples, self._heard, self._finished, self._closed = 0, False, False, False
        service.active += 1

    def _work(self) -> Iterator[SpeechRequest | np.ndarray | Words]:
        """The request, then its speech; nothing where it holds nothing to speak. On the threads of workers."""
        engine = self._service.engine
        try:
            request = self._read()
        except Exception:
            self._finished = True  # it is answered: nobody left
            raise
        self._speed = request.speed
        yield request
        if request.pieces:
            yield from engine.timed(request) if request.timed else engine.stream(request)
        if self._count_text:
            self.text_tokens = sum(len(piece.ids) for piece in engine.encode(request.pieces))

    @property
    def seconds(self) -> float:
        """How much audio has been made."""
        return self._samples / self._service.engine.rate

    @property
    def speech_tokens(self) -> int:
        """How many tokens the audio was made of, whatever its speed."""
        return round(self.seconds * self._speed * self._service.engine.token_rate)

    @property
    def cancelled(self) -> bool:
        """Whether the client left."""
        return self._job.cancelled

    async def prepared(self) -> SpeechRequest:
        """What will be spoken, once it is read; to be asked once, before `parts`.

        Raises:
            ApiError: 499, the client left; 504, it waited too long.
            Exception: what `read` raised.
        """
        async for result in self._results:
            if isinstance(result, SpeechRequest):
                self._finished = not result.pieces  # there is nothing to wait for
                return result
        raise ApiError(CLIENT_GONE, "The client left.")

    def cancel_when_gone(self, receive: Receive) -> None:
        """Stop the work as soon as an HTTP client leaves, even while it waits in the queue."""
        self._watcher = self._job.cancel_when_gone(receive)

    async def parts(self) -> AsyncIterator[np.ndarray | Words]:
        """Samples (T,) at the engine's rate as they become ready, and times of words; fewer where the client left."""
        async for part in self._results:
            if isinstance(part, np.ndarray):
                self._count(part)
            if not isinstance(part, SpeechRequest):
                yield part
        # a cancelled one ends its parts early, and would count as a short answer
        if not (self._finished or self._job.cancelled):
            self._service.metrics.whole.observe(time.perf_counter() - self._started)
            self._finished = True

    def _count(self, samples_T: np.ndarray) -> None:
        if not self._heard and samples_T.any():  # a pause may come first
            self._heard = True
            self._service.metrics.first_chunk.observe(time.perf_counter() - self._started)
        self._samples += len(samples_T)
        self._service.metrics.audio.inc(len(samples_T) / self._service.engine.rate)

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
        self._service.active -= 1
