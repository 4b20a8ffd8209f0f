"""Prometheus metrics of one server."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = frozenset({"GET", "HEAD", "POST", "DELETE"})
SECONDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """Counters of a server; each has a registry of its own, so that several can live in one process."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "glmtts_requests", "Answered requests.", ("method", "path", "status"), registry=registry
        )
        self.first_chunk = Histogram(
            "glmtts_first_chunk_seconds", "From a request to its first audio.", buckets=SECONDS, registry=registry
        )
        self.whole = Histogram(
            "glmtts_speech_seconds", "From a request to its last audio.", buckets=SECONDS, registry=registry
        )
        self.audio = Counter("glmtts_audio_seconds", "Seconds of speech that were made.", registry=registry)
        self.cancelled = Counter(
            "glmtts_cancelled", "Requests that ended early: the client left, or time was up.", registry=registry
        )
        self.active = Gauge("glmtts_active", "Requests that wait or are spoken.", registry=registry)
        self.waiting = Gauge("glmtts_waiting", "Requests that no worker has begun.", registry=registry)

    def render(self) -> bytes:
        """All of them as Prometheus reads them."""
        return generate_latest(self._registry)


class CountRequests:
    """ASGI middleware: counts answers by the route's pattern and known methods: no client can invent label values."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on and note the status."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                # the route as it is written: a path as it came would make a new series for every voice that is deleted
                path = getattr(scope.get("route"), "path", "other")
                method = scope["method"] if path != "other" and scope["method"] in METHODS else "other"
                self._metrics.requests.labels(method, path, str(message["status"])).inc()
            await send(message)

        await self._app(scope, receive, noting)
