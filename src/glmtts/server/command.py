"""`glm-tts serve`: its options. What they start is imported when it is needed, since the command line must be quick."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from glmtts.errors import ConfigError

KEYS_VARIABLE = "GLMTTS_API_KEYS"
FLAGS = {  # of settings that have another name
    "api_keys": f"--api-key, or the variable {KEYS_VARIABLE},",
    "allowed_hosts": "--allow-host",
    "aliases": "--alias",
    "voices_folder": "--voices",
}
Model = Annotated[Path | None, typer.Option(help="A model bundle, or one of export-onnx; the embedded one by default.")]


def _limit(help: str) -> Any:
    return typer.Option(help=help, rich_help_panel="Limits", show_default=False)


def _access(help: str) -> Any:
    return typer.Option(help=help, rich_help_panel="Access")


def serve(
    model: Model = None,
    host: Annotated[str, typer.Option(help="0.0.0.0 serves other machines too.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, … or mps.")] = "auto",
    voices: Annotated[str | None, typer.Option(metavar="PATH", help="The folder of added voices.")] = None,
    alias: Annotated[list[str] | None, typer.Option(help="NAME=VOICE: another name of a voice; repeatable.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse what is not understood.")] = False,
    mp3_kbps: Annotated[int | None, typer.Option(help="Bit rate of mp3 (128).", show_default=False)] = None,
    api_key: Annotated[
        list[str] | None,
        typer.Option(envvar=KEYS_VARIABLE, help="Keys that clients need; repeatable.", rich_help_panel="Access"),
    ] = None,
    insecure: Annotated[bool, _access("Serve other machines without keys.")] = False,
    cors: Annotated[list[str] | None, _access("An origin whose pages may use the server; repeatable.")] = None,
    allow_host: Annotated[list[str] | None, _access("A name by which clients reach the server; repeatable.")] = None,
    allow_program: Annotated[bool, _access("Run a program that comes with the bundle (TorchScript).")] = False,
    max_characters: Annotated[int | None, _limit("Characters of a text (4096).")] = None,
    max_upload_bytes: Annotated[int | None, _limit("Bytes of an upload (10 MiB).")] = None,
    queue_size: Annotated[int | None, _limit("Requests that wait (32).")] = None,
    workers: Annotated[int | None, _limit("Requests that are spoken at a time (8).")] = None,
    request_timeout: Annotated[float | None, _limit("Seconds that a request may take (300).")] = None,
    clone_timeout: Annotated[float | None, _limit("Seconds that the cloning of a voice may take (120).")] = None,
    idle_seconds: Annotated[float | None, _limit("Seconds that a WebSocket may be silent (60).")] = None,
    max_connections: Annotated[int | None, _limit("Connections at a time (256).")] = None,
    drain_seconds: Annotated[float | None, _limit("Seconds for running requests after SIGTERM (30).")] = None,
    ray: Annotated[bool, typer.Option("--ray", help="Serve with replicas on a Ray cluster.")] = False,
    replicas: Annotated[Path | None, typer.Option(help="YAML: number and resources of the replicas.")] = None,
) -> None:
    """Serve OpenAI's speech API, and a page at /."""
    values = {
        "voices_folder": _folder(voices),
        "api_keys": _keys(api_key),
        "cors": cors,
        "allowed_hosts": allow_host,
        "aliases": _aliases(alias or []),
        "strict": strict,
        "mp3_kbps": mp3_kbps,
        "max_characters": max_characters,
        "max_upload_bytes": max_upload_bytes,
        "queue_size": queue_size,
        "workers": workers,
        "request_timeout": request_timeout,
        "clone_timeout": clone_timeout,
        "idle_seconds": idle_seconds,
        "max_connections": max_connections,
        "drain_seconds": drain_seconds,
    }
    given = {name: value for name, value in values.items() if value is not None}
    _start(model, device, given, host, port, insecure, allow_program, ray, replicas)


def _start(
    model: Path | None,
    device: str,
    values: dict[str, Any],
    host: str,
    port: int,
    insecure: bool,
    allow_program: bool,
    ray: bool,
    replicas: Path | None,
) -> None:
    """Serve with the settings `values`, here or on a Ray cluster."""
    from pydantic import ValidationError

    from glmtts.server.settings import ReplicaSettings, ServerSettings
    from glmtts.threads import wait_without_spinning

    # before the engine imports PyTorch, which reads the variable once
    wait_without_spinning()
    try:
        settings = ServerSettings.model_validate(values).listening(host, insecure)
    except ValidationError as error:
        raise _wrong(error.errors()[0]) from None
    scaling = ReplicaSettings.read(replicas) if replicas else ReplicaSettings()
    try:
        if ray:
            from glmtts.server.replicas import run_replicas

            run_replicas(model, device, settings, scaling, host, port, allow_program)
        else:
            from glmtts.server.run import run

            run(model, device, settings, host, port, allow_program)
    except ImportError as error:
        extra = "ray" if ray else "server"
        raise ConfigError(f"This needs more packages: pip install '.[{extra}]'. ({error})") from None


def _folder(given: str | None) -> Path | None:
    """The folder of voices; an empty variable would be the working folder."""
    if given is not None and not given.strip():
        raise ConfigError("The name after --voices is empty. Give that of a folder, or leave it out.")
    # absolute: a replica under Ray has another working folder
    return Path(given).resolve() if given is not None else None


def _keys(given: list[str] | None) -> list[str] | None:
    """The keys; an empty variable is a mistake, since whoever sets it wants keys."""
    if not given and not os.environ.get(KEYS_VARIABLE, "key").strip():
        raise ConfigError(f"The variable {KEYS_VARIABLE} holds no key. Put one there, or unset it.")
    return given


def _aliases(given: list[str]) -> dict[str, str]:
    """NAME=VOICE pairs."""
    wrong = [pair for pair in given if not all(part.strip() for part in pair.partition("="))]
    if wrong:
        raise ConfigError(f"'{wrong[0]}' is no alias. Write --alias NAME=VOICE.")
    return {name.strip(): voice.strip() for name, _, voice in (pair.partition("=") for pair in given)}


def _wrong(problem: Mapping[str, Any]) -> ConfigError:
    """What is wrong with a setting, by the name of its option."""
    name = str(problem["loc"][0]) if problem["loc"] else ""
    flag = FLAGS.get(name, f"--{name.replace('_', '-')}")
    reason = str(problem["ctx"]["error"]) if problem["type"] == "value_error" else problem["msg"]
    return ConfigError(f"{flag} is not valid: {reason[:1].lower()}{reason[1:]}. Correct it.")
