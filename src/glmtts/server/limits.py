"""A limit on the size of request bodies, kept while they arrive."""

from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glmtts.server.errors import ApiError

PATIENCE = 8


class LimitBody:
    """ASGI middleware that answers 413 where a body is too large, whether or not its length was announced."""

    def __init__(self, app: ASGIApp, largest: int) -> None:
        self._app, self._largest = app, largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass small bodies on."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._largest:
            await self._discard(receive)
            return await self._refuse(scope, receive, send)
        guard = _Guard(receive, send, self._largest)
        with suppress(_TooLarge):
            await self._app(scope, guard.receive, guard.send)
        if guard.exceeded and not guard.answered:
            if guard.more:
                await self._discard(receive)
            await self._refuse(scope, receive, send)

    async def _discard(self, receive: Receive) -> None:
        """Take in what still comes, within reason: many clients read an answer only after they have sent all."""
        left = PATIENCE * self._largest
        while left > 0:
            message = await receive()
            left -= len(message.get("body", b""))
            if message["type"] != "http.request" or not message.get("more_body"):
                return

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = ApiError(413, f"The request is larger than {self._largest} bytes.", "too_large")
        await error.response()(scope, receive, send)


class _TooLarge(Exception):
    """Ends the handling of a request whose body grew too large."""


class _Guard:
    """Counts a body's bytes; swallows the answer that the interrupted handler would give."""

    def __init__(self, receive: Receive, send: Send, largest: int) -> None:
        self._receive, self._send, self._left = receive, send, largest
        self.exceeded = self.answered = self.more = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self.exceeded, self.more = True, message.get("more_body", False)
            raise _TooLarge
        return message

    async def send(self, message: Message) -> None:
        if self.exceeded and not self.answered:
            return
        self.answered = True
        await self._send(message)
