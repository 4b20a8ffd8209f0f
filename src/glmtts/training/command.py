"""`glm-tts train`: its options. What they start is imported when it is needed, since the command line must be quick."""

from pathlib import Path
from typing import Annotated

import typer

from glmtts.errors import ConfigError


def train(
    config: Annotated[Path, typer.Argument(help="The run, a TOML file; see configs/.")],
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="section.key=value in place of the file's; repeatable.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show sizes, memory and work a step; read no data and train nothing.")
    ] = False,
    device: Annotated[
        str | None, typer.Option(help="auto, cpu or cuda; distributed.device.", show_default=False)
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="Processes that a dry run counts on.")] = 1,
) -> None:
    """Train a stage; the same command goes on where it stopped."""
    from glmtts.training.config import load_config
    from glmtts.training.registry import create_task

    chosen = [f"distributed.device={device}"] if device is not None else []
    task = create_task(load_config(config, [*(set_ or ()), *chosen]))
    if dry_run:
        from glmtts.training.dryrun import describe, measure

        typer.echo(describe(task, measure(task, processes)))
        return
    try:
        from glmtts.training.engine import Engine
    except ImportError as error:
        raise ConfigError(f"Training needs more packages: pip install '.[train]'. ({error})") from None
    engine = Engine(task)
    engine.fit()
    state = "is trained" if engine.finished else "stopped early; the same command goes on"
    if engine.processes.first:
        typer.echo(f"{engine.config.run.out} {state}, at step {engine.step}.", err=True)
