"""`glm-tts rl` and `glm-tts rl-worker`: their options. What they start is imported when it is needed."""

from pathlib import Path
from typing import Annotated

import typer

from glmtts import durable
from glmtts.errors import ConfigError, RlError

TASKS = ("grpo", "diffro")
_Set = Annotated[list[str] | None, typer.Option("--set", help="section.key=value in place of the file's; repeatable.")]


def rl(
    config: Annotated[Path, typer.Argument(help="The run, a TOML file with task = grpo or diffro; see recipes/rl/.")],
    set_: _Set = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show sizes and memory; read no data, train nothing.")
    ] = False,
    device: Annotated[
        str | None, typer.Option(help="auto, cpu or cuda; distributed.device.", show_default=False)
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="Processes that a dry run counts on.")] = 1,
    export: Annotated[
        Path | None,
        typer.Option("--export", help="Write the bundle with the trained language model here, and train no more."),
    ] = None,
) -> None:
    """Train a bundle's language model by reinforcement learning; the same command goes on where it stopped.

    The run's folder (run.out) holds checkpoints, log.csv with the metrics of each step, the scores of all answers, and
    with log.sample_every audio of held-out texts. A guard that finds the rewards exploited stops the run.
    """
    from glmtts.training.command import train
    from glmtts.training.config import load_config

    if dry_run and export is not None:
        raise ConfigError("--dry-run writes nothing, and --export writes a bundle. Give one of them.")
    if export is not None and (device is not None or processes != 1):
        raise ConfigError("--export trains nothing: leave out --device and --processes.")
    task = load_config(config, set_ or ()).run.task
    if task not in TASKS:
        raise ConfigError(
            f"{config} has task = {task}. `glm-tts rl` is for {' and '.join(TASKS)}; use `glm-tts train`."
        )
    if export is None:
        train(config, set_, dry_run, device, processes)
        return
    from glmtts.rl.export import export_bundle

    export_bundle(load_config(config, set_ or ()), export)
    typer.echo(f"{export} is ready: glm-tts say TEXT --model {export}", err=True)


def rl_worker(
    address: Annotated[str, typer.Option(help="Where to listen, host:port.")] = "127.0.0.1:7070",
    bundle: Annotated[
        Path | None, typer.Option("--model", help="The bundle that rewards may use; the embedded one.")
    ] = None,
    ledger: Annotated[
        Path | None,
        typer.Option(help="A folder that keeps scores, so that a worker started again scores nothing twice."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda: where the bundle's own models lie.")] = "cpu",
) -> None:
    """Serve rewards to runs whose configuration says runs = "grpc" and this address.

    Models that a reward loads itself lie where its options say (device = "cuda").

    It makes any reward that a run asks for. Listen on trusted networks only: nobody is asked who they are.
    """
    from glmtts.rl.rewards.base import Context
    from glmtts.rl.rewards.grpc_workers import RewardWorker, serve

    context = Context(bundle, device=device)
    context.check()
    if ledger is not None:
        with durable.writable(ledger, RlError, "Give another --ledger."):
            ledger.mkdir(parents=True, exist_ok=True)
    server = serve(RewardWorker(context, ledger), address)
    typer.echo(f"Scoring at {address}.", err=True)
    server.wait_for_termination()
