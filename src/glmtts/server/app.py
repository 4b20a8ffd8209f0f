"""The FastAPI app around one engine."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles

from glmtts.server.engine import Engine
from glmtts.server.errors import install_handlers
from glmtts.server.limits import LimitBody
from glmtts.server.metrics import CountRequests
from glmtts.server.routes import live, speech, status, text, voices
from glmtts.server.service import Service
from glmtts.server.settings import ServerSettings

logger = logging.getLogger(__name__)
PAGE = Path(__file__).parent / "page"
OVERHEAD = 64 * 1024  # of multipart framing and of the fields beside a recording
PAGE_POLICY = "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'"


def create_app(engine: Engine, settings: ServerSettings) -> FastAPI:
    """The server's app; the models are loaded when it starts."""
    service = Service(engine, settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        warm_up = asyncio.create_task(service.warm_up())
        yield
        warm_up.cancel()
        service.workers.stop()

    app = FastAPI(
        title="glm-tts",
        version=version("glm-tts"),
        description="Text to speech for Mandarin and English, as OpenAI's clients call it.",
        lifespan=lifespan,
        docs_url=None,  # those pages load scripts from elsewhere
        redoc_url=None,
    )
    app.state.service = service
    for module in (speech, live, voices, text, status):
        app.include_router(module.router)
    app.add_api_route("/", page, include_in_schema=False)
    app.mount("/page", StaticFiles(directory=PAGE))
    app.add_middleware(LimitBody, largest=max(settings.max_upload_bytes, 6 * settings.max_characters) + OVERHEAD)
    app.add_middleware(CountRequests, metrics=service.metrics)
    install_handlers(app)
    _without_422(app)
    return app


def page() -> FileResponse:
    """The page in the browser."""
    return FileResponse(PAGE / "index.html", headers={"Content-Security-Policy": PAGE_POLICY})


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
