"""HTTP connections with bounds: uvicorn alone lets a client hold as many as it likes for as long as it likes."""

import asyncio
import json
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from glmtts.server.errors import ApiError
from glmtts.server.settings import ServerSettings

LARGEST_HEAD = 16 * 1024  # bytes; httptools, uvicorn's other parser, has no limit at all


def _answer(status: str, error: ApiError, *headers: bytes) -> bytes:
    """A whole answer that ends its connection, for what does not come as far as the app."""
    body = json.dumps(error.body()).encode()
    length = b"Content-Length: %d" % len(body)
    head = [f"HTTP/1.1 {status}".encode(), *headers, b"Connection: close", b"Content-Type: application/json", length]
    return b"\r\n".join([*head, b"", body])


_FULL = _answer(
    "503 Service Unavailable",
    ApiError(503, "The server holds as many connections as it may. Try again.", "busy"),
    b"Retry-After: 2",
)
_UNREADABLE = _answer(
    "400 Bad Request",
    ApiError(
        400, f"This is no HTTP/1.1, or its head is larger than {LARGEST_HEAD} bytes. Correct it.", "invalid_value"
    ),
)


class BoundedConnection(h11.Connection):
    """Refuses a head that is too large, also where all of it came in one read: h11 bounds only what is incomplete."""

    def next_event(self) -> Any:
        """The next event. Raises RemoteProtocolError where it is a head, or trailers of a body, above the bound."""
        # a head alone is worth the copies that `trailing_data` makes: a body may come in thousands of events a read
        before = len(self.trailing_data[0]) if self.their_state is h11.IDLE else 0
        event = super().next_event()
        size = 0
        if isinstance(event, h11.Request):
            size = before - len(self.trailing_data[0])
        elif isinstance(event, h11.EndOfMessage):
            size = sum(len(name) + len(value) for name, value in event.headers)
        if size > LARGEST_HEAD:
            raise h11.RemoteProtocolError("The head is too large.")
        return event


class BoundedProtocol(H11Protocol):
    """Refuses connections above a number; ends those whose head is too large or does not come, or who take nothing.

    The limits are those of `settings`, which `bounded` sets.
    """

    settings: ServerSettings
    _head_timer: asyncio.TimerHandle | None = None
    _stall_timer: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn = BoundedConnection(h11.SERVER, LARGEST_HEAD)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connected."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # so that `pause_writing` tells of every byte that is not taken
        if len(self.connections) > self.settings.max_connections:
            transport.write(_FULL)
            transport.close()
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        super().data_received(data)
        self._watch_head()

    def send_400_response(self, msg: str) -> None:
        """What came cannot be read: uvicorn would say so in plain text, which clients of OpenAI's cannot read.

        Where an answer has begun already, a second one would be taken for its end.
        """
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(_UNREADABLE)
        self.transport.close()

    def _watch_head(self) -> None:
        """Wait for the rest of a head, but not for ever."""
        # a WebSocket has taken the transport over: what it receives are no heads
        waits = self.conn.their_state is h11.IDLE and self.transport.get_protocol() is self
        if not waits:
            self._head_timer = _cancelled(self._head_timer)
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self.settings.header_seconds, self.transport.abort)

    def pause_writing(self) -> None:
        """The client takes less than we send."""
        super().pause_writing()
        self._stall_timer = self.loop.call_later(self.settings.stall_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The client took everything."""
        super().resume_writing()
        self._stall_timer = _cancelled(self._stall_timer)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        super().connection_lost(exc)
        self._head_timer, self._stall_timer = _cancelled(self._head_timer), _cancelled(self._stall_timer)


def _cancelled(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """What remains of a timer: nothing."""
    if timer is not None:
        timer.cancel()
    return None


def bounded(settings: ServerSettings) -> type[BoundedProtocol]:
    """The protocol for a server with these settings; uvicorn makes one for each connection."""
    return type("BoundedProtocol", (BoundedProtocol,), {"settings": settings})
