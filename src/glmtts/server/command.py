"""`glm-tts serve`: its options. What they start is imported when it is needed, since the command line must be quick."""

from pathlib import Path
from typing import Annotated, Any

import typer

from glmtts.errors import ConfigError


def _limit(help: str) -> Any:
    return typer.Option(help=help, rich_help_panel="Limits", show_default=False)


def serve(
    model: Annotated[Path | None, typer.Option(help="A model bundle; the embedded one by default.")] = None,
    host: Annotated[str, typer.Option(help="0.0.0.0 serves other machines too.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    device: Annotated[str, typer.Option(help="cpu, cuda, …")] = "cpu",
    api_key: Annotated[
        list[str] | None, typer.Option(envvar="GLMTTS_API_KEYS", help="Keys that clients need; repeatable.")
    ] = None,
    voices: Annotated[Path | None, typer.Option(help="The folder of added voices.")] = None,
    max_characters: Annotated[int | None, _limit("Characters of a text (4096).")] = None,
    max_upload_bytes: Annotated[int | None, _limit("Bytes of an upload (10 MiB).")] = None,
    queue_size: Annotated[int | None, _limit("Requests that wait (32).")] = None,
    workers: Annotated[int | None, _limit("Requests that are spoken at a time (8).")] = None,
    request_timeout: Annotated[float | None, _limit("Seconds that a request may take (300).")] = None,
    drain_seconds: Annotated[float | None, _limit("Seconds for running requests after SIGTERM (30).")] = None,
    ray: Annotated[bool, typer.Option("--ray", help="Serve with replicas on a Ray cluster.")] = False,
    replicas: Annotated[Path | None, typer.Option(help="YAML: number and resources of the replicas.")] = None,
) -> None:
    """Serve OpenAI's speech API, and a page at /."""
    from glmtts.server.settings import ReplicaSettings, ServerSettings

    values = {
        "voices_folder": voices.resolve() if voices else None,
        "api_keys": tuple(api_key) if api_key else None,
        "max_characters": max_characters,
        "max_upload_bytes": max_upload_bytes,
        "queue_size": queue_size,
        "workers": workers,
        "request_timeout": request_timeout,
        "drain_seconds": drain_seconds,
    }
    settings = ServerSettings.parse({name: value for name, value in values.items() if value is not None})
    scaling = ReplicaSettings.read(replicas) if replicas else ReplicaSettings()
    try:
        if ray:
            from glmtts.server.replicas import run_replicas

            run_replicas(model, device, settings, scaling, host, port)
        else:
            from glmtts.server.run import run

            run(model, device, settings, host, port)
    except ImportError as error:
        extra = "ray" if ray else "server"
        raise ConfigError(f"This needs more packages: pip install '.[{extra}]'. ({error})") from None
