"""Errors in the shape that OpenAI's clients read: {"error": {"message", "type", "param", "code"}}."""

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from glmtts.errors import GlmTtsError

logger = logging.getLogger(__name__)
CLIENT_GONE = 499
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


def as_api_error(error: Exception) -> ApiError:
    """Any error as one of the API; what is nobody's fault but ours is a 500 and goes to the log."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, GlmTtsError):
        return ApiError(400, str(error), "invalid_value")
    logger.error("A request failed.", exc_info=error)
    return ApiError(500, "The server failed to speak this. Its log says why.", "internal_error")


def _invalid(error: RequestValidationError) -> ApiError:
    """The first thing that is wrong with a request."""
    first = error.errors()[0]
    place = [str(part) for part in first["loc"] if part not in ("body", "query", "path", "header")]
    param = ".".join(place) or None
    where = f"'{param}' is not valid: " if param else "The request is not valid: "
    return ApiError(400, f"{where}{first['msg']}.", "invalid_value", param)


def install_handlers(app: FastAPI) -> None:
    """Answer every error of the app in OpenAI's shape."""

    async def answer(request: Request, error: Exception) -> Response:
        if isinstance(error, RequestValidationError):
            return _invalid(error).response()
        if isinstance(error, HTTPException):
            return ApiError(error.status_code, str(error.detail), headers=error.headers).response()
        return as_api_error(error).response()

    for kind in (ApiError, GlmTtsError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Entries of the OpenAPI document for the errors of an endpoint."""
    return {status: {"model": ErrorBody} for status in statuses}
