"""`glm-tts export-onnx`. What it starts is imported when it is needed: the command line must be quick."""

from pathlib import Path
from typing import Annotated

import typer


def export_onnx(
    out: Annotated[Path, typer.Argument(help="The new folder of the exported model.")],
    model: Annotated[
        Path | None, typer.Option("--model", help="The bundle to export; the embedded one by default.")
    ] = None,
) -> None:
    """Export a bundle to ONNX, for `glm-tts say --runtime onnx`, which needs no PyTorch."""
    from glmtts.onnx.export import export

    export(model, out)
    typer.echo(f"{out} is ready: glm-tts say TEXT --runtime onnx --model {out}")
