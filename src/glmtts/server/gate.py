"""What is decided from a request's head, before anything of its body is read: who may talk to this server at all.

A page of another site can send requests to a server on its reader's machine, with the reader's network access. So a
browser's `Origin` must be this server's or an allowed one wherever a request changes or speaks something. And since
such a site can give its own name this machine's address (DNS rebinding), a server that only this machine reaches
answers only to this machine's names.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glmtts.server.auth import bearer, check_key
from glmtts.server.errors import ApiError
from glmtts.server.settings import ServerSettings, is_loopback

OPEN_PATHS = frozenset({"/", "/docs", "/health", "/ready", "/metrics", "/openapi.json"})
OPEN_FOLDER = "/page/"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
REFUSED = 1008  # close code of a WebSocket
NO_CONTENT = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Gate:
    """ASGI middleware: host, origin and key, in this order; a WebSocket shows its key later."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may come in."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        try:
            self._check(scope)
        except ApiError as error:
            if scope["type"] == "websocket":
                await receive()  # websocket.connect
                # RFC 6455: a close frame has room for a reason of 123 bytes
                return await send({"type": "websocket.close", "code": REFUSED, "reason": error.message[:120]})
            response = error.response()
            response.headers["Connection"] = "close"  # what is left of the body stays unread
            return await response(scope, receive, send)
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        check_host(headers.get("host", ""), self._settings)
        if scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS:
            check_origin(headers, self._settings)
        # a browser sends no key with the question that goes before its request (CORS preflight)
        if scope["type"] == "http" and scope["method"] != "OPTIONS" and not is_open(scope["path"]):
            check_key(self._settings.api_keys, bearer(headers.get("authorization", "")))


def is_open(path: str) -> bool:
    """Whether a path needs no key: the page and what watches the server."""
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDER)


def check_host(host: str, settings: ServerSettings) -> None:
    """Let a request pass whose `Host` is a name of this server.

    Raises:
        ApiError: 421.
    """
    name = _hostname(f"//{host}")
    if settings.any_host or name in settings.allowed_hosts or is_loopback(name):
        return
    raise ApiError(
        421, "This server does not answer to this host name. Start it with --allow-host NAME.", "host_not_allowed"
    )


def check_origin(headers: Headers, settings: ServerSettings) -> None:
    """Let a request pass that comes from no web page, from this server's own, or from one of an allowed site.

    Raises:
        ApiError: 403.
    """
    origin = headers.get("origin")
    if origin is None or origin in settings.cors or "*" in settings.cors:
        return
    # A proxy may have changed Host, but no page can forge what the browser says of its own request.
    own = headers.get("sec-fetch-site") == "same-origin" or origin.partition("://")[2] == headers.get("host")
    if not own:
        raise ApiError(
            403, "Pages of another site may not use this server. Start it with --cors ORIGIN.", "origin_not_allowed"
        )


def _hostname(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:  # brackets without an address
        return ""


class SecurityHeaders:
    """ASGI middleware: headers that keep browsers from doing more with an answer than was meant."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, the answers with these headers."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                # the page and its documentation bring a policy of their own (app.py)
                headers.setdefault("Content-Security-Policy", NO_CONTENT)
            await send(message)

        await self._app(scope, receive, with_headers)
