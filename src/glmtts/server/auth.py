"""API keys, as OpenAI's clients send them: `Authorization: Bearer KEY`.

The gate checks them (gate.py). What stands here for FastAPI only has the OpenAPI document say that there are keys.
"""

import hmac
from contextlib import suppress

from fastapi import Depends
from fastapi.security import HTTPBearer

from glmtts.server.errors import ApiError

_bearer = HTTPBearer(auto_error=False, description="One of the server's keys; any, where it has none.")
DOCUMENTED_KEY = Depends(_bearer)


def bearer(authorization: str) -> str | None:
    """The key in an `Authorization` header as Starlette gives it, None where there is none."""
    with suppress(UnicodeError):
        # Starlette reads a header's bytes as Latin-1: a key that was sent as UTF-8 would never be the right one
        authorization = authorization.encode("latin-1").decode("utf-8")
    scheme, _, key = authorization.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def check_key(keys: tuple[str, ...], given: str | None) -> None:
    """Let a request pass that has one of the keys, or any where the server has none.

    Raises:
        ApiError: 401.
    """
    if not keys:
        return
    # every key, each in constant time: how long it takes must not tell how much of one was right
    matches = [hmac.compare_digest(key.encode(), (given or "").encode("utf-8", "replace")) for key in keys]
    if not any(matches):
        wrong = "The API key is wrong." if given else "This server asks for an API key."
        raise ApiError(
            401,
            f"{wrong} Send 'Authorization: Bearer KEY'.",
            "invalid_api_key",
            headers={"WWW-Authenticate": "Bearer"},
        )
