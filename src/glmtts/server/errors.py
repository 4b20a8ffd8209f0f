"""Errors in the shape that OpenAI's clients read: {"error": {"message", "type", "param", "code"}}."""

import asyncio
import logging
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glmtts.errors import GlmTtsError

logger = logging.getLogger(__name__)
METHODS = ("DELETE", "GET", "HEAD", "POST")
CLIENT_GONE = 499  # nginx's, for logs alone: nobody is there to read it
_NO_OBJECT = ("missing", "model_attributes_type", "model_type", "dict_type")  # pydantic's, of a whole body
_KINDS = {401: "authentication_error", 429: "rate_limit_error"}


class ErrorDetail(BaseModel):
    """What was wrong and what to do."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """The body of every answer that is an error."""

    error: ErrorDetail


class ApiError(Exception):
    """A request that is answered with an error status."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param, self.headers = status, message, code, param, headers

    def body(self) -> dict[str, Any]:
        """The body of the answer."""
        kind = _KINDS.get(self.status, "invalid_request_error" if self.status < 500 else "server_error")
        detail = ErrorDetail(message=self.message, type=kind, param=self.param, code=self.code)
        return ErrorBody(error=detail).model_dump()

    def response(self) -> Response:
        """The answer."""
        return JSONResponse(self.body(), self.status, headers=self.headers)


def shutting_down() -> ApiError:
    """The answer to what a server that ends takes no more, or does not finish."""
    return ApiError(503, "The server is shutting down. Ask another one.", "draining", headers={"Retry-After": "5"})


def as_api_error(error: Exception) -> ApiError:
    """Any error as one of the API; what is nobody's fault but ours is a 500 and goes to the log.

    An error's message may quote the text to speak, which belongs to nobody but the client; so only DEBUG shows it.
    """
    # Starlette's, of an error that came after the answer had begun
    if isinstance(error, RuntimeError) and isinstance(error.__cause__, ApiError):
        error = error.__cause__
    if isinstance(error, ApiError):
        return error
    if isinstance(error, GlmTtsError):
        return ApiError(400, str(error), "invalid_value")
    where = "".join(traceback.format_tb(error.__traceback__))
    logger.error("A request failed with %s; its message is shown at DEBUG.\n%s", type(error).__name__, where)
    logger.debug("The message.", exc_info=error)
    return ApiError(500, "The server failed to speak this. Its log says why.", "internal_error")


def _invalid(error: RequestValidationError) -> ApiError:
    """The first thing that is wrong with a request."""
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        reason = first.get("ctx", {}).get("error", first["msg"])
        return ApiError(400, f"The body is not valid JSON: {reason}. Correct it.", "invalid_value")
    source, *place = first["loc"]
    if not place and first["type"] in _NO_OBJECT:
        needed = "Send a JSON object as the body, with Content-Type: application/json."
        return ApiError(400, needed, "invalid_value")
    param = place_in(error.body, place, first["type"]) if source == "body" else ".".join(map(str, place))
    where = f"'{param}' is not valid: " if param else "The request is not valid: "
    # FastAPI names its own class to who wrote -F audio_sample=me.wav, without @
    reason = "Send it as a file" if "UploadFile" in first["msg"] else first["msg"]
    return ApiError(400, f"{where}{reason}.", "invalid_value", param or None)


def place_in(body: Any, parts: Sequence[int | str], kind: str) -> str:
    """Where in a body an error of pydantic's lies, as its sender names it; `kind` is the error's type.

    Pydantic also names what the body does not hold: `voice.constrained-str`, the branch of a union that it tried.
    """
    place = list[str]()
    for index, part in enumerate(parts):
        inside = isinstance(body, Mapping) and part in body
        inside = inside or (isinstance(body, list) and isinstance(part, int) and part < len(body))
        if inside:
            body = body[part]
        if inside or (kind == "missing" and index == len(parts) - 1):
            place.append(str(part))
    return ".".join(place)


def _methods(request: Request) -> str:
    """All methods of a path: Starlette names those of the first route only."""
    routes = [route for route in request.app.routes if not isinstance(route, Mount)]
    taken = [
        method
        for method in METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    ]
    return ", ".join(taken or ("GET", "HEAD"))  # the second: files


def _refusal(error: HTTPException, request: Request) -> ApiError:
    """An error of the framework's: a path or method that is not there, a body that it could not read."""
    if isinstance(error.__cause__, OSError):  # a form that did not fit on the disk: FastAPI makes a 400 of that
        return ApiError(507, "The server has no space for this. Try again later.", "storage_full")
    if error.status_code == 400 and error.__cause__ is not None:
        unreadable = "The body cannot be read as what its Content-Type says. Correct one of them."
        return ApiError(400, unreadable, "invalid_value")
    if error.status_code == 404:
        return ApiError(404, "There is nothing at this address. GET /docs shows what there is.", "not_found")
    if error.status_code == 405:
        known = _methods(request)
        return ApiError(405, f"This address takes {known} alone.", "method_not_allowed", headers={"Allow": known})
    if error.status_code == 400:  # of Starlette's, such as a form without a boundary
        return ApiError(400, f"{str(error.detail).rstrip('.')}. Correct the body.", "invalid_value")
    return ApiError(error.status_code, str(error.detail), headers=error.headers)


def install_handlers(app: FastAPI) -> None:
    """Answer every error of the app in OpenAI's shape."""

    async def answer(request: Request, error: Exception) -> Response:
        if isinstance(error, RequestValidationError):
            return _invalid(error).response()
        if isinstance(error, HTTPException):
            return _refusal(error, request).response()
        return as_api_error(error).response()

    for kind in (ApiError, GlmTtsError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, answer)


class CatchErrors:
    """ASGI middleware: what no handler took is answered with 500. uvicorn would log its message.

    Where the server is `ending`, what uvicorn cancels is answered with 503: it would log a traceback of each.
    """

    def __init__(self, app: ASGIApp, ending: Callable[[], bool]) -> None:
        self._app, self._ending = app, ending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            return await self._app(scope, receive, noting)
        except Exception as error:
            answer = as_api_error(error).response()
        except asyncio.CancelledError:
            if not self._ending():
                raise
            answer = shutting_down().response()
        if scope["type"] == "http" and not started:
            await answer(scope, receive, send)
        # else uvicorn closes a connection whose answer was not completed


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Entries of the OpenAPI document for the errors of an endpoint."""
    return {status: {"model": ErrorBody} for status in statuses}
