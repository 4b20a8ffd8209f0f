"""Run the app under uvicorn, and end it gracefully."""

import errno
import logging
import math
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

import av  # noqa: F401  the encoders need it: better missed now than at the first request
import python_multipart  # noqa: F401
import uvicorn
from fastapi import FastAPI

from glmtts.errors import ConfigError
from glmtts.memory import trimming
from glmtts.server.app import create_app
from glmtts.server.engine import open_engine
from glmtts.server.protocol import bounded
from glmtts.server.service import Service, State
from glmtts.server.settings import ServerSettings
from glmtts.threads import usable_cpus

logger = logging.getLogger("uvicorn.error")  # what uvicorn shows
# After the time for running requests, each at most, so that Docker's `--stop-timeout 45` is enough for 30 s of it:
# answers end with an error, connections close, threads end the step that they make
TELLING_SECONDS, CLOSING_SECONDS, STEP_SECONDS = 3.0, 2, 3.0
LARGEST_MESSAGE = 2**20  # bytes of a WebSocket message


class DrainingServer(uvicorn.Server):
    """Goes on answering after the first SIGTERM or SIGINT until running requests are done.

    uvicorn alone closes its socket and every WebSocket at once, so that neither `/ready` can say that the server
    drains nor a stream can end.
    """

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service, self._close_at = service, math.inf

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """First signal: drain; SIGINT once more: end now."""
        if self._service.state is State.draining and sig == signal.SIGINT:
            self.should_exit = self.force_exit = True
        self._service.drain()

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second."""
        if self._service.drained:
            self._end()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close everything."""
        await super().shutdown(sockets)
        # uvicorn leaves that out, and its end would then cancel the app's, with a traceback
        if self.force_exit:
            await self.lifespan.shutdown()

    def _end(self) -> None:
        """Tell the clients that are left; when they have taken it, or had the time to, let uvicorn close the sockets.

        It closes WebSockets at once, so that nothing could be told any more.
        """
        now = time.monotonic()
        if self._close_at == math.inf:
            self._close_at = now + TELLING_SECONDS
            self._service.stop()
        if not self.server_state.tasks or now > self._close_at:
            self.should_exit = True


def configured(app: FastAPI, settings: ServerSettings, host: str, port: int, log_level: str) -> uvicorn.Config:
    """uvicorn with every bound on what clients may hold."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level=log_level,
        lifespan="on",  # `auto` would take an error at the start for an app without a lifespan, and go on
        http=bounded(settings),
        timeout_graceful_shutdown=CLOSING_SECONDS,
        ws_max_size=LARGEST_MESSAGE,
        server_header=False,
    )


def check_address(host: str, port: int) -> None:
    """Find out before the models are loaded, which takes a minute on a busy machine, whether a server can listen.

    Raises:
        ConfigError: another program listens there, or the address is none of this machine's.
    """
    failed = list[OSError]()
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise _cannot_listen(host, port, getattr(error, "strerror", None) or str(error)) from None
    for family, kind, number, _, address in places:
        try:
            with socket.socket(family, kind, number) as probe:
                if os.name != "nt":  # as asyncio: a port that an ended server had is free, though the system waits
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:  # the same port at an address of version 4 is another place
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
        except OSError as error:
            failed.append(error)
    # a name may stand for an address of version 6 too, which many containers lack
    told = [error for error in failed if error.errno != errno.EADDRNOTAVAIL or len(failed) == len(places)]
    if told:
        raise _cannot_listen(host, port, told[0].strerror)


def _cannot_listen(host: str, port: int, reason: str | None) -> ConfigError:
    return ConfigError(
        f"No server can listen at {host}, port {port}: {reason}. Choose another --port, or another --host."
    )


def run(
    model: Path | None, device: str, settings: ServerSettings, host: str, port: int, allow_program: bool = False
) -> None:
    """Serve a model until a signal ends it.

    The workers and the thread that decodes share the cores: an operation gets its share of threads, not all of them.

    Raises:
        ConfigError: no server can listen at the address, or as `open_engine` does.
    """
    check_address(host, port)
    engine = open_engine(model, device, allow_program)
    count = engine.use_threads(settings.workers)
    app = create_app(engine, settings)
    config = configured(app, settings, host, port, "info")
    logger.info("An operation has %d of %d threads; OMP_NUM_THREADS=N changes that.", count, usable_cpus())
    server = DrainingServer(config, app.state.service)
    with trimming():
        server.run()
    if not app.state.service.wait(0 if server.force_exit else STEP_SECONDS):
        _leave()


def _leave() -> None:
    """End the process without Python's own end, which aborts where a thread is within PyTorch."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(0)
