"""The command line: thin commands over the API."""

import sys
import time
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

import glmtts.tasks  # noqa: F401, registers what can be trained
from glmtts.data.command import app as data_app
from glmtts.errors import GlmTtsError
from glmtts.eval.command import app as eval_app
from glmtts.quantise import command as quantise
from glmtts.server.command import serve
from glmtts.threads import wait_without_spinning
from glmtts.training.command import train

if TYPE_CHECKING:
    from glmtts.synthesis.synthesizer import Synthesizer

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


VoiceName = Annotated[
    str | None, typer.Option(help="A name from `glm-tts voices`, a recording to clone, or a saved voice.")
]
VoiceText = Annotated[str | None, typer.Option(help="What is said in the recording to clone.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same audio.")]
Language = Annotated[str | None, typer.Option(help="zh or en, where digits alone do not tell.")]
Pronunciations = Annotated[Path | None, typer.Option(help="Readings of words, in .toml or .jsonl.")]
Model = Annotated[Path | None, typer.Option("--model", help="A model bundle; the embedded one by default.")]


AllowProgram = Annotated[
    bool, typer.Option("--allow-program", help="Run a program that comes with the bundle (TorchScript).")
]


def _loaded(model: Path | None, allow_program: bool) -> "Synthesizer":
    """A bundle for synthesis, with as many threads as its size is worth."""
    from glmtts import load
    from glmtts.threads import use_threads

    tts = load(model, allow_program=allow_program)
    use_threads(tts.bundle.folder)
    return tts


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"glm-tts {version('glm-tts')}")
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Text to speech for Mandarin and English."""


@app.command()
def say(
    text: Annotated[str, typer.Argument(help="What to say; - reads it from standard input.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="wav, flac, ogg, opus or mp3.")] = Path("out.wav"),
    voice: VoiceName = None,
    voice_text: VoiceText = None,
    seed: Seed = 0,
    language: Language = None,
    speed: Annotated[float | None, typer.Option(help="0.25 to 4; the pitch stays.")] = None,
    pronunciations: Pronunciations = None,
    phoneme_in: Annotated[str | None, typer.Option(help="all, ambiguous or off: what becomes phonemes.")] = None,
    temperature: Annotated[float | None, typer.Option(help="0 to 2; lower is steadier.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Nucleus of the language model, up to 1.")] = None,
    candidates: Annotated[int | None, typer.Option(help="Token sequences to choose from.")] = None,
    steps: Annotated[int | None, typer.Option(help="Flow steps; fewer are faster.")] = None,
    guidance: Annotated[float | None, typer.Option(help="Classifier-free guidance of the flow.")] = None,
    speaker: Annotated[str | None, typer.Option(help="A speaker that the weights were fine-tuned on.")] = None,
    model: Model = None,
    allow_program: AllowProgram = False,
) -> None:
    """Speak a text into a file."""
    from glmtts.audio.io import check_writable
    from glmtts.text.pronunciations import PronunciationFile

    check_writable(output)
    tts = _loaded(model, allow_program)
    written = sys.stdin.read() if text == "-" else text
    chosen = tts.voice(voice, voice_text)
    started = time.perf_counter()
    audio = tts.say(
        written,
        chosen,
        seed=seed,
        language=language,
        speed=speed,
        pronunciations=PronunciationFile(pronunciations) if pronunciations else None,
        phoneme_in=cast(Any, phoneme_in),
        temperature=temperature,
        top_p=top_p,
        candidates=candidates,
        steps=steps,
        guidance=guidance,
        speaker=speaker,
    )
    taken = time.perf_counter() - started
    audio.save(output)
    typer.echo(
        f"{output}: {audio.seconds:.1f} s of speech in {taken:.1f} s (real-time factor {taken / audio.seconds:.2f})",
        err=True,
    )


@app.command()
def read(
    book: Annotated[Path, typer.Argument(help="A text file (UTF-8), as long as you like.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="wav, flac, ogg, opus or mp3.")],
    subtitles: Annotated[Path | None, typer.Option(help="Also write .srt, or .vtt with a time for every word.")] = None,
    voice: VoiceName = None,
    voice_text: VoiceText = None,
    seed: Seed = 0,
    language: Language = None,
    restart: Annotated[bool, typer.Option("--restart", help="Forget an unfinished reading and start anew.")] = False,
    model: Model = None,
    allow_program: AllowProgram = False,
) -> None:
    """Read a long text into a file; after a break, the same command goes on where it was."""
    from tqdm import tqdm

    from glmtts.errors import TextError
    from glmtts.synthesis.reading import read_book

    try:
        size = book.stat().st_size
        with book.open(encoding="utf-8") as lines, tqdm(total=size, unit="B", unit_scale=True, desc="reading") as bar:
            tts = _loaded(model, allow_program)
            seconds = read_book(
                tts,
                lines,
                output,
                tts.voice(voice, voice_text),
                seed=seed,
                subtitles=subtitles,
                restart=restart,
                progress=lambda piece: bar.update(len(piece.encode())),
                language=language,
            )
    except (OSError, UnicodeDecodeError) as error:
        raise TextError(f"{book} cannot be read as text: {error}. Give a text file in UTF-8.") from None
    typer.echo(f"{output}: {seconds:.1f} s of speech", err=True)


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
) -> None:
    """Turn the released weights into a bundle for --model; goes on where an earlier run stopped."""
    import torch

    from glmtts.official.convert import convert as convert_release

    convert_release(release, out, code, vocoder.value, getattr(torch, dtype.value))
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
app.command("quantise")(quantise)


def main() -> None:
    """Entry point: an error of the user's is one sentence and exit code 2."""
    wait_without_spinning()
    try:
        app()
    except GlmTtsError as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
