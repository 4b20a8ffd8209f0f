"""Run the app under uvicorn, and end it gracefully."""

import logging
import signal
from pathlib import Path
from types import FrameType

import av  # noqa: F401  the encoders need it: better missed now than at the first request
import python_multipart  # noqa: F401
import uvicorn
from fastapi import FastAPI

from glmtts.memory import set_malloc_trim
from glmtts.server.app import create_app
from glmtts.server.engine import open_engine
from glmtts.server.protocol import LARGEST_HEAD, bounded
from glmtts.server.service import Service, State
from glmtts.server.settings import ServerSettings
from glmtts.threads import usable_cpus

logger = logging.getLogger("uvicorn.error")  # what uvicorn shows
CLOSING_SECONDS = 5  # for answers that are under way; a choice, half of what Docker grants
LARGEST_MESSAGE = 2**20  # bytes of a WebSocket message


class DrainingServer(uvicorn.Server):
    """Goes on answering after the first SIGTERM or SIGINT until running requests are done.

    uvicorn alone closes its socket and every WebSocket at once, so that neither `/ready` can say that the server
    drains nor a stream can end.
    """

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """First signal: drain; SIGINT once more: end now."""
        if self._service.state is State.draining and sig == signal.SIGINT:
            self.should_exit = self.force_exit = True
        self._service.drain()

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second."""
        # should_exit alone makes uvicorn close the sockets: not before the running requests are done
        if self._service.drained:
            self.should_exit = True
        return await super().on_tick(counter)


def configured(app: FastAPI, settings: ServerSettings, host: str, port: int, log_level: str) -> uvicorn.Config:
    """uvicorn with every bound on what clients may hold."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level=log_level,
        lifespan="on",
        http=bounded(settings),
        h11_max_incomplete_event_size=LARGEST_HEAD,
        timeout_graceful_shutdown=CLOSING_SECONDS,
        ws_max_size=LARGEST_MESSAGE,
        server_header=False,
    )


def run(
    model: Path | None, device: str, settings: ServerSettings, host: str, port: int, allow_program: bool = False
) -> None:
    """Serve a model until a signal ends it.

    The workers and the thread that decodes share the cores: an operation gets its share of threads, not all of them.
    """
    set_malloc_trim()
    engine = open_engine(model, device, allow_program)
    count = engine.use_threads(settings.workers)
    app = create_app(engine, settings)
    config = configured(app, settings, host, port, "info")
    logger.info("An operation has %d of %d threads; OMP_NUM_THREADS=N changes that.", count, usable_cpus())
    DrainingServer(config, app.state.service).run()
