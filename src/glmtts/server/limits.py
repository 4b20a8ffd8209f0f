"""Limits on the size of request bodies, and on the time that they take, kept while they arrive."""

import asyncio
from collections.abc import Collection
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glmtts.server.errors import ApiError

PATIENCE = 8  # times the limit that is taken in of a body that is refused


class LimitBody:
    """ASGI middleware: 413 where a body is too large, whether or not its length was announced; 408 where it is late.

    Bodies for the paths `uploads` may have `largest_upload` bytes, others, which are JSON, `largest`: ten megabytes of
    it become hundreds as objects of Python, which a request would hold while it waits.
    """

    def __init__(
        self, app: ASGIApp, largest: int, largest_upload: int, uploads: Collection[str], seconds: float
    ) -> None:
        self._app, self._seconds = app, seconds
        self._limits, self._largest = dict.fromkeys(uploads, largest_upload), largest
        self._patience = PATIENCE * max(largest, largest_upload)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass small bodies on."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        largest = self._limits.get(scope["path"], self._largest)
        guard = _Guard(receive, send, largest, self._seconds)
        headers = dict(scope["headers"])
        announced = headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > largest:
            guard.refuse(_too_large(largest))
            # who asks before sending sends nothing; to take in what comes would be to ask for it
            guard.more = headers.get(b"expect", b"").lower() != b"100-continue"
        else:
            with suppress(_Refused):
                await self._app(scope, guard.receive, guard.send)
        if guard.error is not None and not guard.answered:
            if guard.error.status == 413 and guard.more:
                await self._discard(receive)
            answer = guard.error.response()
            answer.headers["Connection"] = "close"
            await answer(scope, receive, send)

    async def _discard(self, receive: Receive) -> None:
        """Take in what still comes, within reason: many clients read an answer only after they have sent all."""
        left = self._patience
        with suppress(TimeoutError):
            async with asyncio.timeout(self._seconds):
                while left > 0:
                    message = await receive()
                    left -= len(message.get("body", b""))
                    if message["type"] != "http.request" or not message.get("more_body"):
                        return


def _too_large(largest: int) -> ApiError:
    return ApiError(413, f"The request is larger than {largest} bytes.", "too_large")


class _Refused(Exception):
    """Ends the handling of a request whose body grew too large, or did not come."""


class _Guard:
    """Counts a body's bytes and its time; swallows the answer that the interrupted handler would give."""

    def __init__(self, receive: Receive, send: Send, largest: int, seconds: float) -> None:
        self._receive, self._send, self._largest, self._left = receive, send, largest, largest
        self._deadline = asyncio.get_running_loop().time() + seconds
        self.error: ApiError | None = None
        self.answered, self.more = False, True

    def refuse(self, error: ApiError) -> None:
        """Answer with this, whatever the handler does."""
        self.error = error

    async def receive(self) -> Message:
        """The next part of the body, or, after its end, that the client left."""
        try:
            # after its body a client may be silent: `receive` then only tells that it left
            async with asyncio.timeout_at(self._deadline if self.more else None):
                message = await self._receive()
        except TimeoutError:
            self.refuse(ApiError(408, "The body of the request did not come in time.", "timeout"))
            raise _Refused from None
        self._left -= len(message.get("body", b""))
        self.more = message.get("more_body", False)
        if self._left < 0:
            self.refuse(_too_large(self._largest))
            raise _Refused
        return message

    async def send(self, message: Message) -> None:
        """Pass an answer on."""
        if self.error is not None and not self.answered:
            return
        self.answered = True
        await self._send(message)
