"""The FastAPI app around one engine."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles

from glmtts.server.engine import Engine
from glmtts.server.errors import CatchErrors, install_handlers
from glmtts.server.gate import Gate, SecurityHeaders
from glmtts.server.limits import LimitBody
from glmtts.server.metrics import CountRequests
from glmtts.server.routes import encode, live, speech, status, text, voices
from glmtts.server.service import Service, State
from glmtts.server.settings import ServerSettings
from glmtts.version import installed_version

logger = logging.getLogger(__name__)
PAGE = Path(__file__).parent / "page"
UPLOADS = ("/v1/audio/voices", "/v1/audio/encode")
OVERHEAD = 64 * 1024  # of multipart framing and of the fields beside a recording
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def create_app(engine: Engine, settings: ServerSettings) -> FastAPI:
    """The server's app; the models are loaded when it starts."""
    service = Service(engine, settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        warm_up = asyncio.create_task(service.warm_up())
        yield
        warm_up.cancel()
        service.stop()

    app = FastAPI(
        title="glm-tts",
        version=installed_version(),
        description="Text to speech for Mandarin and English, as OpenAI's clients call it.",
        lifespan=lifespan,
        docs_url=None,  # those pages load scripts from elsewhere
        redoc_url=None,
        middleware=_middleware(service, settings),
    )
    app.state.service = service
    for module in (speech, encode, live, voices, text, status):
        app.include_router(module.router)
    for path, shown in (("/", page), ("/docs", documentation)):
        app.add_api_route(path, shown, methods=["GET", "HEAD"], include_in_schema=False)
    app.mount("/page", StaticFiles(directory=PAGE))
    install_handlers(app)
    _without_422(app)
    return app


def _middleware(service: Service, settings: ServerSettings) -> list[Middleware]:
    """From the outermost inwards: what refuses comes before what reads a body."""
    # JSON may write a character with six bytes (\u4e2d)
    limit_body = Middleware(
        LimitBody,
        largest=6 * settings.max_characters + OVERHEAD,
        largest_upload=settings.max_upload_bytes + OVERHEAD,
        uploads=UPLOADS,
        seconds=settings.request_timeout,
    )
    # outside the gate: without these headers a page could not read why it was refused
    cross_origin = Middleware(
        CORSMiddleware,
        allow_origins=settings.cors,
        allow_methods=("GET", "POST", "DELETE"),
        allow_headers=("*",),
        # a page of another origin may read no header of ours that is not named here
        expose_headers=("Retry-After", "X-Warning"),
    )
    return [
        Middleware(CountRequests, metrics=service.metrics),
        Middleware(SecurityHeaders),
        *([cross_origin] if settings.cors else []),
        Middleware(Gate, settings=settings),
        Middleware(CatchErrors, ending=lambda: service.state is State.draining),
        limit_body,
    ]


def page() -> FileResponse:
    """The page in the browser."""
    return _html("index.html")


def documentation() -> FileResponse:
    """The API, to be read; FastAPI's own pages load scripts from elsewhere."""
    return _html("docs.html")


def _html(name: str) -> FileResponse:
    return FileResponse(PAGE / name, headers={"Content-Security-Policy": PAGE_POLICY})


def _without_422(app: FastAPI) -> None:
    """FastAPI documents its own answer to invalid requests; here they are answered with 400."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        document = original()
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
