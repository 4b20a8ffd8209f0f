"""The same app under Ray Serve: replicas on many machines, as many as the load asks for.

Every replica has its own models, queue and workers. Voices are on disk: machines that share the folder share them.
"""

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from ray import serve

from glmtts.server.app import create_app
from glmtts.server.engine import open_engine
from glmtts.server.settings import ReplicaSettings, ServerSettings

NAME = "glm-tts"


def deployment(
    model: Path | None,
    device: str,
    settings: ServerSettings,
    replicas: ReplicaSettings,
    allow_program: bool = False,
) -> serve.Application:
    """What Ray Serve runs."""
    folder, values = str(model.resolve()) if model else None, settings.portable()

    def build() -> FastAPI:
        """The app of one replica, on the machine that it runs on; Ray gives a builder no arguments."""
        return create_app(open_engine(folder, device, allow_program), ServerSettings.parse(values))

    scaling = {
        "min_replicas": replicas.min_replicas,
        "max_replicas": replicas.max_replicas,
        "target_ongoing_requests": replicas.target_ongoing_requests,
    }
    replica: Any = serve.deployment(
        serve.ingress(build)(),
        name=NAME,
        autoscaling_config=scaling,
        max_ongoing_requests=replicas.max_ongoing_requests,
        graceful_shutdown_timeout_s=settings.drain_seconds,
        ray_actor_options={"num_cpus": replicas.cpus, "num_gpus": replicas.gpus},
    )
    return replica.bind()


def run_replicas(
    model: Path | None,
    device: str,
    settings: ServerSettings,
    replicas: ReplicaSettings,
    host: str,
    port: int,
    allow_program: bool = False,
) -> None:
    """Start replicas on the Ray cluster that is there, or on this machine, and serve until a signal ends it."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report its use to its makers
    serve.start(http_options={"host": host, "port": port})
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends it as Ctrl-C does; Ray's own handler aborts
    try:
        with suppress(KeyboardInterrupt):
            served = deployment(model, device, settings, replicas, allow_program)
            serve.run(served, name=NAME, route_prefix="/", blocking=True)
    finally:
        serve.shutdown()
