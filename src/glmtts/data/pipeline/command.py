"""`glm-tts data run`, `stage` and `worker`: what they start is imported when it is needed."""

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

Options = Annotated[
    list[str] | None, typer.Option("--option", "-O", help="key=value of the stage's configuration; repeatable.")
]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1 …")]


def run(
    config: Annotated[Path, typer.Argument(help="The run, a TOML file; see docs/pipeline.md.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be kept of a sample of the files; write nothing.")
    ] = False,
    hours: Annotated[float, typer.Option(min=0.001, help="How much a dry run looks at, in whole files.")] = 1.0,
) -> None:
    """Turn raw recordings into training shards; the same command goes on where it stopped."""
    from glmtts.data.pipeline.config import load_pipeline
    from glmtts.data.pipeline.report import as_text
    from glmtts.data.pipeline.runner import run_and_report

    settings = load_pipeline(config)
    if dry_run:
        _dry_run(settings, hours)
        return
    with _Bar() as bar:
        report = run_and_report(settings, bar)
    typer.echo(as_text(report))
    shards = settings.run.output / "shards"
    made = f"{shards} is complete" if report.utterances else "Nothing was kept, so there is nothing to train on"
    typer.echo(f"{made}. Look and listen: {settings.run.output / 'index.html'}")


def _dry_run(settings: Any, hours: float) -> None:
    from glmtts.data.pipeline.report import as_text, summed
    from glmtts.data.pipeline.runner import run_pipeline

    # a run of one window, in a folder that goes when it ends
    with tempfile.TemporaryDirectory(prefix="glm-tts-dry-") as folder, _Bar() as bar:
        dry = settings.model_copy(
            update={
                "run": settings.run.model_copy(update={"output": Path(folder)}),
                "engine": settings.engine.model_copy(update={"window_hours": hours}),
            }
        )
        records = run_pipeline(dry, bar, drawn=True, windows=1)
    typer.echo(as_text(summed(settings, records)))
    typer.echo("This is a sample; nothing was written.")


class _Bar:
    """A progress bar in seconds of sound: what was read is the whole, what passed all stages is done."""

    def __init__(self) -> None:
        from tqdm import tqdm

        self._bar = tqdm(total=0, unit="s", desc="sound", unit_scale=True)

    def __call__(self, what: str, seconds: float) -> None:
        if what == "read":
            self._bar.total += seconds
            self._bar.refresh()
        else:
            # the sums of the same lengths may differ in their last bits, which tqdm would warn of
            self._bar.update(min(seconds, self._bar.total - self._bar.n))

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()


def stage(
    name: Annotated[str, typer.Argument(help="A stage; an unknown name lists them.")],
    folder: Annotated[Path, typer.Argument(help="Recordings in any format.")],
    out: Annotated[Path, typer.Argument(help="Gets the kept clips as WAV, and decisions.jsonl.")],
    option: Options = None,
    rate: Annotated[int, typer.Option(min=8000, max=48000, help="Sample rate that recordings are brought to.")] = 24000,
    device: Device = "cpu",
) -> None:
    """Try one stage of the pipeline alone on a folder."""
    from glmtts.data.pipeline.alone import run_alone
    from glmtts.data.pipeline.stage import create_stage

    kept, dropped = run_alone(create_stage(name, _options(option), device), folder, out, rate)
    typer.echo(f"{out}: kept {kept:.1f} s, dropped {dropped:.1f} s")


def _options(given: list[str] | None) -> dict[str, Any]:
    from glmtts.training.overrides import set_value

    values: dict[str, Any] = {}
    for one in given or ():
        set_value(values, one)
    return values


def worker(
    name: Annotated[str, typer.Argument(help="A stage; an unknown name lists them.")],
    option: Options = None,
    device: Device = "cpu",
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 50051,
    certificate: Annotated[Path | None, typer.Option(help="PEM certificate of this worker.")] = None,
    key: Annotated[Path | None, typer.Option(help="Its key.")] = None,
    client_ca: Annotated[Path | None, typer.Option(help="Let in only clients with a certificate of this CA.")] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Listen beyond this machine without TLS.")] = False,
    queue: Annotated[int, typer.Option(min=1, help="Requests that may wait.")] = 16,
    merge: Annotated[
        int, typer.Option(min=1, help="Requests that become one batch; above 1, last bits may vary from run to run.")
    ] = 1,
    message_mib: Annotated[int, typer.Option(min=1, max=1024, help="Largest message.")] = 128,
) -> None:
    """Serve one stage over gRPC, for runs whose configuration names it under `remote`."""
    import signal

    from glmtts.errors import ConfigError

    try:
        from glmtts.data.pipeline.remote.server import Worker, WorkerSettings, endpoint, is_local
    except ImportError as error:
        raise ConfigError(f"A worker needs more packages: pip install 'glm-tts[data]'. ({error})") from None
    settings = WorkerSettings(endpoint(host, port), queue, merge, message_mib, certificate, key, client_ca)
    if not is_local(host) and certificate is None and not insecure:
        raise ConfigError(f"At {host}, others could read and send clips. Give --certificate and --key, or --insecure.")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends it as Ctrl-C does, with the requests answered
    with Worker(name, _options(option), settings, device) as started:
        typer.echo(f"'{name}' listens at {endpoint(host, started.port)}", err=True)
        started.wait()
