"""One thread that decodes for everybody: callers on other threads get their tokens as they are drawn.

All candidate sets in flight share each forward of the language model (lm/batch.py); a caller who asks while others are
being served joins at the next step, and one who goes away is dropped there.
"""

import queue
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from glmtts.lm.batch import DecodingBatch
from glmtts.lm.candidates import CandidateSet
from glmtts.stages import LanguageModel
from glmtts.text.audio_tokens import AudioTokens


class ServiceClosedError(Exception):
    """The thread takes no more requests: it was closed, or an error ended it. Another service may take this one."""


@dataclass(eq=False)
class _Client:
    candidates: CandidateSet
    # None says that all candidates have ended, an exception that nothing comes any more
    tokens: "queue.Queue[list[int] | Exception | None]" = field(default_factory=queue.Queue)
    sent: int = 0
    gone: bool = False


class TokenService:
    """Decodes up to `capacity` candidate sets together; the others wait for a place.

    Whoever asks is answered: an error that is no request's own ends the thread, and everybody is told it.
    """

    def __init__(self, model: LanguageModel, layout: AudioTokens, capacity: int = 16) -> None:
        self._batch, self._capacity = DecodingBatch(model, layout), capacity
        self._inbox: queue.Queue[_Client | None] = queue.Queue()
        self._clients: list[_Client] = []
        self._waiting: list[_Client] = []
        self._closed, self._closing = False, threading.RLock()  # again by its holder: a finalizer may close it
        # a daemon: a program that forgets to close must still come to its end
        self._thread = threading.Thread(target=self._run, name="token-service", daemon=True)
        self._thread.start()

    @property
    def closed(self) -> bool:
        """Whether it takes no more requests."""
        return self._closed

    def stream(
        self, candidates: CandidateSet, choose: Callable[[CandidateSet], list[int]]
    ) -> Generator[int, None, None]:
        """Tokens as soon as the candidates agree on them; `choose` picks from those that ended.

        Closing the iterator drops the request.

        Raises:
            ServiceClosedError: the service was closed before it took the request, of which nothing is decoded yet.
        """
        client = _Client(candidates)
        with self._closing:  # what is put after the end of the inbox would be read by nobody
            if self._closed:
                raise ServiceClosedError
            self._inbox.put(client)
        try:
            while (fresh := client.tokens.get()) is not None:
                if isinstance(fresh, Exception):
                    raise fresh
                yield from fresh
            # on the caller's thread: what it judges holds up nobody else
            yield from choose(candidates)[client.sent :]
        finally:
            client.gone = True  # the batch is the thread's, which drops it

    def close(self) -> None:
        """End the thread once all that it was given is done; a second call does nothing."""
        with self._closing:
            self._closed = True
            self._inbox.put(None)
        if threading.current_thread() is not self._thread:  # the last user of a synthesizer may be its own candidates
            self._thread.join()

    def _run(self) -> None:
        try:
            self._decode()
        except Exception as error:
            self._break(error)

    def _decode(self) -> None:
        waiting, open_ = self._waiting, True
        while open_ or waiting or self._clients:
            idle = not (waiting or self._clients)
            while open_ and (idle or not self._inbox.empty()):
                # blocks only where there is nothing to decode; else what has come is taken between two steps
                client = self._inbox.get()
                open_ = client is not None
                waiting += [client] if client is not None else []
                idle = False
            while waiting and len(self._clients) < self._capacity:
                self._join(waiting.pop(0))
            if self._clients:
                self._step()

    def _break(self, error: Exception) -> None:
        """Tell everybody of the error that ended the thread; nobody else is taken."""
        with self._closing:
            self._closed = True
            # under the lock, as `stream` puts: nobody can ask after the last look
            while not self._inbox.empty():
                client = self._inbox.get()
                self._waiting += [client] if client is not None else []
        for client in [*self._clients, *self._waiting]:
            client.tokens.put(error)

    def _join(self, client: _Client) -> None:
        if client.gone:
            return
        try:
            self._batch.join(client.candidates.requests)
        except Exception as error:
            client.tokens.put(error)
        else:
            self._clients.append(client)

    def _step(self) -> None:
        # before the step, which would decode for nobody
        for client in [client for client in self._clients if client.gone]:
            self._drop(client)
        if not self._clients:  # all have gone away: there is nothing to draw for
            return
        try:
            self._batch.step()
        except Exception as error:
            # rows share the forward and its state, so nobody's can be told to be right
            for client in list(self._clients):
                self._fail(client, error)
        for client in list(self._clients):
            try:
                self._serve(client)
            except Exception as error:  # of one client's candidates; the others go on
                self._fail(client, error)

    def _serve(self, client: _Client) -> None:
        candidates = client.candidates
        candidates.after_step(self._batch)
        # no committed tokens here: what is left comes from the caller's choice, which may trim it
        if candidates.ended:
            client.tokens.put(None)
            self._clients.remove(client)
        elif fresh := candidates.committed(client.sent):
            client.tokens.put(fresh)
            client.sent += len(fresh)

    def _fail(self, client: _Client, error: Exception) -> None:
        client.tokens.put(error)
        self._drop(client)

    def _drop(self, client: _Client) -> None:
        for request in client.candidates.requests:
            self._batch.leave(request)
        self._clients.remove(client)
