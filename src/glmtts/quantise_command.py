"""`glm-tts quantise`. What it starts is imported when it is needed: the command line must be quick."""

from pathlib import Path
from typing import Annotated, Any

import typer

from glmtts.errors import ConfigError

BLOCKS = (16, 32, 64, 128)


def command(
    out: Annotated[Path, typer.Argument(help="The new folder of the packed bundle.")],
    model: Annotated[
        Path | None, typer.Option("--model", help="The bundle to pack; the embedded one by default.")
    ] = None,
    bits: Annotated[int, typer.Option(help="8, or 4: half as large and faster, for large models.")] = 8,
    block: Annotated[
        int | None, typer.Option(help="Weights that share a scale: 16, 32, 64 or 128; by bits and size.")
    ] = None,
) -> None:
    """Pack the language model of a bundle into 8 or 4 bits a weight: smaller, and faster on a CPU."""
    if bits not in (4, 8):
        raise ConfigError(f"A weight cannot have {bits} bits here. Choose --bits 8 or 4.")
    if block not in (None, *BLOCKS):
        raise ConfigError(f"Blocks cannot be of {block} weights. Choose one of {', '.join(map(str, BLOCKS))}.")
    from glmtts.bundle import Bundle
    from glmtts.quantise import LEAST_AGREEMENT, agreement, quantise

    chosen: Any = (bits, block)
    packed_bundle = quantise(model, out, *chosen)
    share = agreement(Bundle.open(model), packed_bundle)
    typer.echo(f"{out} is ready. It finds the same token most likely at {100 * share:.1f} % of the steps.")
    if share < LEAST_AGREEMENT:
        typer.echo(f"That is less than {100 * LEAST_AGREEMENT:.0f} %, and may be heard. Prefer --bits 8.", err=True)
