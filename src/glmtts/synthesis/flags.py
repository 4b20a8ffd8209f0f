"""Flags that the commands of speaking share, and one for each option of speaking."""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from glmtts.options import TABLE, Option, check

DEVICES = "auto, cpu, cuda, cuda:1, … or mps; auto is a CUDA GPU where there is one."

Voice = Annotated[
    str | None, typer.Option(help="A name from `glm-tts voices`, a recording to clone, or a saved voice.")
]
VoiceText = Annotated[str | None, typer.Option(help="What is said in the recording to clone.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same audio.")]
Play = Annotated[bool, typer.Option("--play", help="Let it be heard; without -o nothing is written.")]
Form = Annotated[str | None, typer.Option("--format", help="Of what -o - writes; wav by default.", show_default=False)]
Model = Annotated[Path | None, typer.Option("--model", help="A model bundle; the embedded one by default.")]
Device = Annotated[str, typer.Option(help=DEVICES)]
Threads = Annotated[
    int | None,
    typer.Option(help="Threads of an operation on a CPU; by the size of the model.", show_default=False),
]
Runtime = Annotated[
    str, typer.Option(help="torch, or onnx for a model that `glm-tts export-onnx` wrote; by the model.")
]
AllowProgram = Annotated[
    bool, typer.Option("--allow-program", help="Run a program that comes with the bundle (TorchScript).")
]
Output = Annotated[
    str | None,
    typer.Option("--output", "-o", help="wav, flac, ogg, opus or mp3; - is standard output.", show_default=False),
]


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """A command with a flag for each option of speaking (glmtts.options), which it takes as `**options`."""
    own = [one for one in inspect.signature(command).parameters.values() if one.kind is not one.VAR_KEYWORD]
    kinds = {one.name: Annotated[one.kind | None, typer.Option(one.flag, help=_help(one))] for one in TABLE}
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kinds[name]) for name in kinds
    ]

    @wraps(command)
    def run(**given: Any) -> None:
        options = {name: given.pop(name) for name in kinds}
        check(options)
        command(**given, **{name: value for name, value in options.items() if value is not None})

    run.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
    run.__annotations__ = {name: kind for name, kind in command.__annotations__.items() if name != "options"} | kinds
    return run


def _help(option: Option) -> str:
    """Its help with what it takes, where that is not any text."""
    plain = option.least is None and not option.choices
    return option.help if plain else f"{option.help} ({option.values})"
