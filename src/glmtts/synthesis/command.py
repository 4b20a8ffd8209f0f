"""`glm-tts say`, `read` and `clone`. What they start is imported when it is needed: the command line must be quick."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Unpack

import typer

from glmtts.errors import AudioError, ConfigError, VoiceError
from glmtts.onnx.choice import check_cpu, is_exported
from glmtts.places import check_holds_weights, is_folder
from glmtts.synthesis.flags import (
    AllowProgram,
    Device,
    Form,
    Model,
    Output,
    Play,
    Runtime,
    Seed,
    Threads,
    Voice,
    VoiceText,
    with_options,
)

if TYPE_CHECKING:
    from glmtts.audio.play import Player
    from glmtts.synthesis.options import Options
    from glmtts.synthesis.standard_output import StandardOutput
    from glmtts.synthesis.synthesizer import Synthesizer

STANDARD = "-"  # standard input or output


@with_options
def say(
    text: Annotated[str, typer.Argument(help="What to say; - reads it from standard input.")],
    output: Output = None,
    play: Play = False,
    form: Form = None,
    voice: Voice = None,
    voice_text: VoiceText = None,
    seed: Seed = 0,
    model: Model = None,
    device: Device = "auto",
    threads: Threads = None,
    allow_program: AllowProgram = False,
    runtime: Runtime = "auto",
    **options: Unpack["Options"],
) -> None:
    """Speak a text into a file (out.wav), to standard output, or aloud."""
    target = _target(output, play, form) or ("out.wav" if not play else None)
    _check_voice(voice, voice_text)
    if target not in (None, STANDARD):
        _check_writable(Path(str(target)))
    with ExitStack() as stack:
        player = stack.enter_context(_player()) if play else None
        tts: Any = (
            _loaded_onnx(model, device, threads, allow_program)
            if _uses_onnx(runtime, model)
            else _loaded(model, device, threads, allow_program)
        )
        written = _standard_input() if text == STANDARD else text
        chosen = tts.voice(voice, voice_text)
        started = time.perf_counter()
        audio = tts.say(written, chosen, seed=seed, **options)
        taken = time.perf_counter() - started
        if target == STANDARD:
            sink = _standard_output(form or "wav", tts)
            sink.write(audio.samples)
            sink.close()
        elif target is not None:
            audio.save(target)
        if player is not None:
            player.play(audio.samples, audio.rate)
    what = "standard output" if target == STANDARD else target or "Played"
    typer.echo(
        f"{what}: {audio.seconds:.1f} s of speech in {taken:.1f} s (real-time factor {taken / audio.seconds:.2f})",
        err=True,
    )


@with_options
def read(
    book: Annotated[str, typer.Argument(help="A text file, as long as you like; - is standard input.")],
    output: Output = None,
    play: Play = False,
    form: Form = None,
    subtitles: Annotated[Path | None, typer.Option(help="Also write .srt, or .vtt with a time for every word.")] = None,
    voice: Voice = None,
    voice_text: VoiceText = None,
    seed: Seed = 0,
    restart: Annotated[bool, typer.Option("--restart", help="Forget an unfinished reading and start anew.")] = False,
    model: Model = None,
    device: Device = "auto",
    threads: Threads = None,
    allow_program: AllowProgram = False,
    **options: Unpack["Options"],
) -> None:
    """Read a long text into a file; after a break, the same command goes on where it was.

    The text may be in UTF-8, UTF-16, GBK, Big5 or Windows-1252. With -o - or --play alone it leaves as it is spoken.
    """
    from glmtts.synthesis.book import Book

    target = _target(output, play, form)
    _check_voice(voice, voice_text)
    if target is None and not play:
        raise ConfigError("Where should it go? Give -o book.flac, -o - for standard output, or --play.")
    if subtitles is not None and target in (None, STANDARD):
        raise ConfigError("Subtitles belong to a file of speech. Give its name with -o.")
    if target not in (None, STANDARD):
        _check_writable(Path(str(target)))
    with ExitStack() as stack:
        lines = stack.enter_context(Book(book))
        player = stack.enter_context(_player()) if play else None
        tts = _loaded(model, device, threads, allow_program)
        chosen = tts.voice(voice, voice_text)
        if target in (None, STANDARD):
            sink = None if target is None else _standard_output(form or "wav", tts)
            seconds = _speak_on(tts, lines, sink, player, chosen, seed, options)
        else:
            from glmtts.synthesis.reading import read_book

            hear = player.play if player is not None else None
            how: Any = {"seed": seed, "subtitles": subtitles, "restart": restart, "progress": lines.done, "hear": hear}
            with _told_when_stopped(Path(str(target))):
                seconds = read_book(tts, lines, str(target), chosen, **how, **options)
        lines.finish()
    what = "standard output" if target == STANDARD else target or "Played"
    typer.echo(f"{what}: {seconds:.1f} s of speech", err=True)


def clone(
    recording: Annotated[Path, typer.Argument(help="1 to 30 s of one speaker: wav, flac, mp3, m4a, webm, …")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="NAME.safetensors; by default after the recording.", show_default=False),
    ] = None,
    text: Annotated[str | None, typer.Option("--text", "--voice-text", help="What is said in it.")] = None,
    model: Model = None,
    device: Device = "auto",
    threads: Threads = None,
    allow_program: AllowProgram = False,
) -> None:
    """Make a voice of a recording, once, as a small file for --voice. Its speaker must have agreed."""
    from glmtts.audio.io import check_place

    if not recording.name or is_folder(recording, AudioError):
        raise AudioError("That is a folder, or empty. Give the path of a recording (wav, flac, ogg, opus or mp3).")
    target = output or Path(recording.with_suffix(".safetensors").name)
    if target.suffix != ".safetensors":
        raise VoiceError(f"{target} is no name of a voice. Let it end in .safetensors.")
    check_holds_weights(target, VoiceError)
    check_place(target)
    made: Any
    if _uses_onnx("auto", model):
        from glmtts.onnx.clone import clone as clone_by_onnx

        runtime = _loaded_onnx(model, device, threads, allow_program)
        made = clone_by_onnx(runtime.bundle, runtime.frontend, recording, text)
    else:
        from glmtts.synthesis.voice import make_voice

        tts = _loaded(model, device, threads, allow_program)
        made = make_voice(tts.bundle, tts.frontend, recording, text)
    made.save(target)
    heard = f" It says: “{made.text}”" if text is None and made.text else ""
    typer.echo(f"{target} is ready: glm-tts say TEXT --voice {target}{heard}", err=True)


@contextmanager
def _told_when_stopped(target: Path) -> Iterator[None]:
    """Say what is kept of a reading that the user stops."""
    from glmtts.synthesis.reading import unfinished

    try:
        yield
    except KeyboardInterrupt:
        if unfinished(target).exists():
            typer.echo(f"\nStopped. What was read stays in {unfinished(target)}: the same command goes on.", err=True)
        raise


def _speak_on(
    tts: "Synthesizer",
    lines: Iterable[str],
    sink: "StandardOutput | None",
    player: "Player | None",
    voice: Any,
    seed: int,
    options: "Options",
) -> float:
    """Speak piece by piece to standard output, aloud, or both; gives seconds."""
    from glmtts.synthesis.book import Book
    from glmtts.synthesis.reading import spoken_pieces

    rate, count = tts.bundle.config.sample_rate, 0
    for piece, samples in spoken_pieces(tts, lines, voice, seed=seed, **options):
        count += len(samples)
        if sink is not None:
            sink.write(samples)
        if player is not None:
            player.play(samples, rate)
        if isinstance(lines, Book):
            lines.done(piece.source or piece.text)
    if sink is not None:
        sink.close()
    return count / rate


def _standard_output(form: str, tts: "Synthesizer") -> "StandardOutput":
    from glmtts.synthesis.standard_output import StandardOutput

    return StandardOutput(form, tts.bundle.config.sample_rate, tts.bundle.config.name)


def _target(output: str | None, play: bool, form: str | None) -> str | None:
    """Where the speech goes: a path, `-`, or None where nobody said.

    Raises:
        ConfigError: the terminal would be filled with audio, or a format is named for what has a suffix.
    """
    if output is not None and not output.strip():
        raise ConfigError("The name after -o is empty. Give that of a file, or - for standard output.")
    if output == STANDARD and sys.stdout is not None and sys.stdout.isatty():
        raise ConfigError("-o - would write audio to the terminal. Send it on with |, or give a file.")
    if form is not None and output != STANDARD:
        raise ConfigError("--format is for -o - alone: the suffix of a file says its format.")
    if form is not None:
        from glmtts.audio.encode import MEDIA_TYPES

        if form not in MEDIA_TYPES:
            raise ConfigError(f"There is no format '{form}'. Choose one of {', '.join(MEDIA_TYPES)}.")
    return output


def _check_voice(voice: str | None, text: str | None) -> None:
    """Raises ConfigError where the name is an empty variable, VoiceError where the text belongs to no recording."""
    from glmtts.synthesis.preparing import check_voice_text

    if voice is not None and not voice.strip():
        raise ConfigError("The name after --voice is empty. Give that of a voice or a recording, or leave it out.")
    check_voice_text(voice, text)


def _check_writable(path: Path) -> None:
    from glmtts.audio.io import check_writable

    check_writable(path)


def _player() -> "Player":
    from glmtts.audio.play import Player

    return Player()


def _standard_input() -> str:
    from glmtts.synthesis.book import standard_input

    return standard_input()


def _loaded(model: Path | None, device: str, threads: int | None, allow_program: bool) -> "Synthesizer":
    from glmtts import load

    return load(model, device, allow_program, threads)


def _uses_onnx(runtime: str, model: Path | None) -> bool:
    """Whether ONNX Runtime speaks: where it is named, or the model is one for it."""
    if runtime not in ("auto", "torch", "onnx"):
        raise ConfigError(f"There is no runtime '{runtime}'. Choose auto, torch or onnx.")
    if runtime == "auto" and model is not None:
        return is_exported(model)
    return runtime == "onnx"


def _loaded_onnx(model: Path | None, device: str, threads: int | None, allow_program: bool) -> Any:
    from glmtts import load_onnx

    check_cpu(device, allow_program)
    if model is None:
        raise ConfigError(
            "Which model? Give --model with a folder that `glm-tts export-onnx` wrote, where PyTorch is installed."
        )
    return load_onnx(model, threads)
