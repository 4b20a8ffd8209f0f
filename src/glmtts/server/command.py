"""`glm-tts serve`: its options. What they start is imported when it is needed, since the command line must be quick."""

from pathlib import Path
from typing import Annotated, Any

import typer

from glmtts.errors import ConfigError

EXTRA = "The server needs more packages: pip install 'glm-tts[server]'."
Limit = typer.Option(rich_help_panel="Limits")


def serve(
    model: Annotated[Path | None, typer.Option(help="A model bundle; the embedded one by default.")] = None,
    host: Annotated[str, typer.Option(help="0.0.0.0 serves other machines too.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
    device: Annotated[str, typer.Option(help="cpu, cuda, …")] = "cpu",
    api_key: Annotated[
        list[str] | None, typer.Option(envvar="GLMTTS_API_KEYS", help="Keys that clients need; repeatable.")
    ] = None,
    voices: Annotated[Path | None, typer.Option(help="The folder of added voices.")] = None,
    max_characters: Annotated[int | None, Limit] = None,
    max_upload_bytes: Annotated[int | None, Limit] = None,
    queue_size: Annotated[int | None, typer.Option(help="Waiting requests.", rich_help_panel="Limits")] = None,
    workers: Annotated[int | None, typer.Option(help="Requests at a time.", rich_help_panel="Limits")] = None,
    request_timeout: Annotated[float | None, typer.Option(help="Seconds.", rich_help_panel="Limits")] = None,
    drain_seconds: Annotated[float | None, typer.Option(help="After SIGTERM.", rich_help_panel="Limits")] = None,
) -> None:
    """Serve OpenAI's speech API, and a page at /."""
    from glmtts.server.settings import ServerSettings

    values: dict[str, Any] = {
        "voices_folder": voices,
        "api_keys": tuple(api_key) if api_key else None,
        "max_characters": max_characters,
        "max_upload_bytes": max_upload_bytes,
        "queue_size": queue_size,
        "workers": workers,
        "request_timeout": request_timeout,
        "drain_seconds": drain_seconds,
    }
    settings = ServerSettings.parse({name: value for name, value in values.items() if value is not None})
    try:
        import av  # noqa: F401
        import python_multipart  # noqa: F401

        from glmtts.server.app import create_app
        from glmtts.server.run import run
    except ImportError as error:
        raise ConfigError(f"{EXTRA} ({error.name} is missing.)") from None
    from glmtts import load
    from glmtts.server.engine import Engine

    run(create_app(Engine(load(model, device)), settings), host, port)
