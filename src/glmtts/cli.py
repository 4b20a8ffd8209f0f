"""The command line: thin commands over the API."""

try:  # a second passes before `main` is called, in which Ctrl-C would show a traceback
    from enum import StrEnum
    from pathlib import Path
    from typing import Annotated, Any

    import typer

    import glmtts.tasks  # noqa: F401, registers what can be trained
    from glmtts.data.command import app as data_app
    from glmtts.errors import GlmTtsError
    from glmtts.eval.command import app as eval_app
    from glmtts.onnx.command import export_onnx
    from glmtts.quantise_command import command as quantise
    from glmtts.rl.command import rl, rl_worker
    from glmtts.server.command import serve
    from glmtts.synthesis.command import clone, read, say
    from glmtts.synthesis.flags import Model
    from glmtts.terminal import sentence_of, stop, with_utf8
    from glmtts.threads import wait_without_spinning
    from glmtts.training.command import train
    from glmtts.version import installed_version
    from glmtts.voices.command import app as voice_app
except KeyboardInterrupt:
    raise SystemExit(130) from None


app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Text to speech for Mandarin and English.",
    pretty_exceptions_enable=False,
)


class Vocoder(StrEnum):
    """Vocoders of the release."""

    hift = "hift"
    vocos2d = "vocos2d"


class Dtype(StrEnum):
    """Precisions of converted weights."""

    float32 = "float32"
    float16 = "float16"
    bfloat16 = "bfloat16"


Pronunciations = Annotated[Path | None, typer.Option(help="Readings of words, in .toml or .jsonl.")]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"glm-tts {installed_version()}")
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Text to speech for Mandarin and English."""


app.command()(say)
app.command()(read)
app.command()(clone)


@app.command()
def voices(model: Model = None) -> None:
    """List the bundled voices."""
    from glmtts.bundle import Bundle

    bundle: Any = Bundle.open(model)
    if not bundle.config.voices:
        typer.echo("This model has no voices of its own: give a recording with --voice.")
        return
    width = max(map(len, bundle.config.voices))
    for name, entry in bundle.config.voices.items():
        typer.echo(f"{name:<{width}}  {entry.description}")


@app.command()
def phonemes(
    text: Annotated[str, typer.Argument(help="A text; - reads a line at a time from standard input.")],
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list a line, one object a character.")] = False,
    mode: Annotated[str | None, typer.Option(help="all, ambiguous or off; the model's own by default.")] = None,
    pronunciations: Pronunciations = None,
    model: Model = None,
) -> None:
    """Show the phonemes and text that the language model reads, and why."""
    from glmtts.bundle import Bundle
    from glmtts.text.show import frontend_of, show

    show(frontend_of(Bundle.open(model).frontend(), mode, pronunciations), text, as_json)


@app.command()
def fetch(
    to: Annotated[Path, typer.Option("--to", help="Where the weights go.")] = Path("GLM-TTS"),
    source: Annotated[Path | None, typer.Option("--from", help="Check a folder that lies there already.")] = None,
    repository: Annotated[str, typer.Option(help="Repository on the Hub.")] = "zai-org/GLM-TTS",
    revision: Annotated[str | None, typer.Option(help="Commit or branch.")] = None,
) -> None:
    """Download the released weights (9 GB), or check those that are there."""
    from glmtts.official.fetch import check_folder
    from glmtts.official.fetch import fetch as download

    folder = check_folder(source) if source is not None else download(to, repository, revision)
    typer.echo(f"{folder} is complete. Go on with: glm-tts convert {folder} OUT --code CODE")


@app.command()
def convert(
    release: Annotated[Path, typer.Argument(help="The folder of the released weights.")],
    out: Annotated[Path, typer.Argument(help="The bundle to write.")],
    code: Annotated[Path | None, typer.Option(help="The folder of the release's code (configs/, frontend/).")] = None,
    vocoder: Annotated[Vocoder, typer.Option(help="hift is 24 kHz, vocos2d 32 kHz.")] = Vocoder.hift,
    dtype: Annotated[Dtype, typer.Option(help="Precision of the written weights.")] = Dtype.float32,
    allow_program: Annotated[
        bool, typer.Option("--allow-program", help="Try the program that vocos2d is; else it is copied alone.")
    ] = False,
) -> None:
    """Turn the released weights into a bundle for --model; goes on where an earlier run stopped."""
    import torch

    from glmtts.official.convert import convert as convert_release

    convert_release(release, out, code, vocoder.value, getattr(torch, dtype.value), allow_program)
    typer.echo(f"{out} is ready: glm-tts say TEXT --voice me.wav --model {out}")


@app.command()
def detect(file: Annotated[Path, typer.Argument(help="An audio file.")]) -> None:
    """Tell whether a file says that its speech is synthetic; exit code 1 where it does not."""
    from glmtts.audio.provenance import synthetic_mark

    mark = synthetic_mark(file)
    typer.echo(mark or f"{file} does not say that it is synthetic. Tags can be removed: this proves nothing.")
    raise typer.Exit(0 if mark else 1)


app.command()(serve)
app.add_typer(data_app, name="data")
app.add_typer(eval_app, name="eval")
app.command()(train)
app.command()(rl)
app.command("rl-worker")(rl_worker)
app.add_typer(voice_app, name="voice")
app.command("quantise")(quantise)
app.command("export-onnx")(export_onnx)


def main() -> None:
    """Entry point: whatever a user can cause is one sentence and exit code 2."""
    wait_without_spinning()
    with_utf8()
    try:
        # else typer prints errors in its own way and ends the process
        code = app(prog_name="glm-tts", standalone_mode=False)
    except GlmTtsError as error:
        stop(str(error))
    except KeyboardInterrupt:
        raise SystemExit(130) from None  # 128 + SIGINT, as shells count
    except Exception as error:
        stop(sentence_of(error))
    # outside of standalone mode `typer.Exit` comes back as a number
    raise SystemExit(code if isinstance(code, int) else 0)
