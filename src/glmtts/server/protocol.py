"""HTTP connections with bounds: uvicorn alone lets a client hold as many as it likes for as long as it likes."""

import asyncio
import json

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from glmtts.server.errors import ApiError
from glmtts.server.settings import ServerSettings

LARGEST_HEAD = 16 * 1024  # bytes; httptools, uvicorn's other parser, has no limit at all
_REFUSAL = json.dumps(
    ApiError(503, "The server holds as many connections as it may. Try again.", "busy").body()
).encode()
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nConnection: close\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_REFUSAL), _REFUSAL)
)


class BoundedProtocol(H11Protocol):
    """Refuses connections above a number; ends those whose head does not come or whose client takes nothing.

    The limits are those of `settings`, which `bounded` sets.
    """

    settings: ServerSettings
    _head_timer: asyncio.TimerHandle | None = None
    _stall_timer: asyncio.TimerHandle | None = None

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
