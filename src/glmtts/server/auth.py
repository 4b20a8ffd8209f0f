"""API keys, as OpenAI's clients send them: `Authorization: Bearer KEY`."""

import hmac
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from glmtts.server.errors import ApiError

_bearer = HTTPBearer(auto_error=False, description="One of the server's keys; any, where it has none.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def check_key(keys: tuple[str, ...], given: str | None) -> None:
    """Let a request pass that has one of the keys, or any where the server has none.

    Raises:
        ApiError: 401.
    """
    if not keys:
        return
    matches = [hmac.compare_digest(key.encode(), (given or "").encode("utf-8", "replace")) for key in keys]
    if not any(matches):
        wrong = "The API key is wrong." if given else "This server asks for an API key."
        raise ApiError(
            401,
            f"{wrong} Send 'Authorization: Bearer KEY'.",
            "invalid_api_key",
            headers={"WWW-Authenticate": "Bearer"},
        )


def authorised(request: Request, credentials: Credentials) -> None:
    """FastAPI dependency of every endpoint that needs a key."""
    keys = request.app.state.service.settings.api_keys
    check_key(keys, credentials.credentials if credentials else None)
