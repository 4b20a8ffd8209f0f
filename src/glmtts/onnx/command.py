"""`glm-tts export-onnx`. What it starts is imported when it is needed: the command line must be quick."""

from pathlib import Path
from typing import Annotated, Any

import typer

from glmtts.errors import ConfigError


def export_onnx(
    out: Annotated[Path, typer.Argument(help="The new folder of the exported model.")],
    model: Annotated[
        Path | None, typer.Option("--model", help="The bundle to export; the embedded one by default.")
    ] = None,
    bits: Annotated[
        int | None,
        typer.Option(
            help="8 or 4: pack the language model, as `quantise` does, and let flow, vocoder and judge multiply in "
            "integers of 8 bits: smaller and faster.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Export a bundle to ONNX, for `glm-tts say --runtime onnx`, which needs no PyTorch."""
    if bits not in (None, 4, 8):
        raise ConfigError(f"A weight cannot have {bits} bits here. Choose --bits 8 or 4, or leave it out.")
    from glmtts.onnx.export import export

    chosen: Any = bits
    export(model, out, chosen)
    typer.echo(f"{out} is ready: glm-tts say TEXT --runtime onnx --model {out}")
