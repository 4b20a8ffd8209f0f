"""`glm-tts voice`: train, describe and merge trained voices. What they start is imported when it is needed."""

import stat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glmtts.errors import ConfigError, VoiceError
from glmtts.options import OPTIONS
from glmtts.places import is_utf8, status
from glmtts.synthesis.suffixes import TRAINED_SUFFIX

if TYPE_CHECKING:
    from glmtts.asr import SpeechRecogniser
    from glmtts.bundle import Bundle
    from glmtts.voices.checks import Report
    from glmtts.voices.recipe import VoiceTraining

app = typer.Typer(no_args_is_help=True, help="Train a voice on recordings of one speaker.")
Model = Annotated[Path | None, typer.Option("--model", help="A model bundle; the embedded one by default.")]
File = Annotated[Path, typer.Argument(help="A trained voice, NAME.glmvoice.")]
Recordings = Annotated[
    Path, typer.Argument(help="A folder: audio files with texts in .txt files of the same names, or index.jsonl.")
]
Output = Annotated[
    Path, typer.Option("--output", "-o", help="NAME.glmvoice; a folder for a bundle with --method full or prefix.")
]
Consent = Annotated[
    str | None, typer.Option(help="Who agreed that this voice is trained, in a sentence; it is kept in the file.")
]
Asr = Annotated[
    str | None, typer.Option(help="Recogniser for recordings without texts: whisper-small, whisper:PATH, …")
]


@app.command()
def train(
    recordings: Recordings,
    output: Output,
    consent: Consent = None,
    licence: Annotated[str, typer.Option(help="Under which licence the recordings are.")] = "unknown",
    share: Annotated[float, typer.Option(help="Share of the backbone that is trained, 0 to 1.")] = 0.15,
    method: Annotated[str, typer.Option(help="lora, full, or prefix (full, with the speaker's name read).")] = "lora",
    epochs: Annotated[float, typer.Option(help="At most so many passes over the data of the language model.")] = 30,
    flow_epochs: Annotated[float | None, typer.Option(help="The same of the flow; as many by default.")] = None,
    patience: Annotated[int, typer.Option(help="End after so many epochs that were no better.")] = 4,
    learning_rate: Annotated[float | None, typer.Option(help="In place of the method's own.")] = None,
    seed: Annotated[int, typer.Option(help="Of the order of the data and all draws.")] = 0,
    language: Annotated[str | None, typer.Option(help="zh or en, where the texts do not tell.")] = None,
    asr: Asr = None,
    work: Annotated[Path | None, typer.Option(help="Keeps what is done; OUTPUT.work by default.")] = None,
    check_only: Annotated[bool, typer.Option("--check-only", help="Check the recordings and train nothing.")] = False,
    model: Model = None,
) -> None:
    """Train a voice; the same command goes on where it stopped.

    The recordings are checked first: length, clipping, noise, bandwidth, music, one speaker, and whether they say their
    texts. Twenty minutes to an hour of one speaker are wanted, three minutes at least.
    """
    from glmtts.bundle import Bundle
    from glmtts.voices.sentences import training_of
    from glmtts.voices.train import check_share, prepare, train_all, writable

    how = training_of({
        "method": method, "share": share, "epochs": epochs, "flow_epochs": flow_epochs, "patience": patience,
        "seed": seed, "learning_rates": {} if learning_rate is None else {"lm": learning_rate, "flow": learning_rate},
    })  # fmt: skip
    OPTIONS["language"].check(language)
    if not check_only:
        _check_wishes(output, consent, licence, method)
    bundle, work = Bundle.open(model), work or output.with_name(f"{_named(output)}.work")
    if not check_only:
        check_share(bundle, how)
    with writable(work):
        work.mkdir(parents=True, exist_ok=True)
    # takes are kept in `work`: a second run, or one after --check-only, measures what is new alone
    report = prepare(recordings, work, bundle, _recogniser(asr), language)
    typer.echo(report.text(), err=True)
    if check_only:
        return
    how = how.model_copy(update={"prefix": _prefix(bundle, output.stem)} if method == "prefix" else {})
    trained = train_all(report, work, bundle, how, lambda line: typer.echo(line, err=True))
    if trained is None:
        typer.echo("Stopped early; the same command goes on.", err=True)
        raise typer.Exit(1)
    _write(output, bundle, report, trained, how, licence, consent or "")


def _named(output: Path) -> str:
    """The name of an output, which "." and "/" have none of."""
    if not output.name:
        raise ConfigError(
            f"The output is {output}, which is no name of a voice. Give one such as anna{TRAINED_SUFFIX}."
        )
    return output.name


def _check_wishes(output: Path, consent: str | None, licence: str, method: str) -> None:
    """Look at what is needed at the end only, before hours of training."""
    from glmtts.synthesis.trained_voice import check_voice_name
    from glmtts.voices.pack import check_output

    if consent is None or not consent.strip():
        raise VoiceError(
            'A voice is trained only with the statement that its speaker agreed: --consent "NAME agreed on DATE".'
        )
    check_voice_name(output.stem)
    if not is_utf8(consent + licence):
        raise ConfigError("--consent or --licence is no text in UTF-8. Write it in UTF-8.")
    there = status(output, VoiceError)
    if method == "lora" and output.suffix != TRAINED_SUFFIX:
        raise ConfigError(f"The output is {output}. Give it the ending {TRAINED_SUFFIX}.")
    if method == "lora" and there is not None and stat.S_ISDIR(there.st_mode):
        raise ConfigError(f"The output is {output}, which is a folder. Give the name of a file.")
    if method != "lora" and (output.suffix or there is not None):
        raise ConfigError(f"--method {method} writes a bundle: give a new folder as --output, not {output}.")
    check_output(output)


def _recogniser(name: str | None) -> "SpeechRecogniser | None":
    from glmtts.asr import load

    return load(name) if name is not None else None


def _prefix(bundle: "Bundle", name: str) -> tuple[int, ...]:
    """The ids of a speaker's name as text."""
    return tuple(bundle.frontend().encode(f"{name} "))


def _write(
    output: Path, bundle: "Bundle", report: "Report", trained: Any, how: "VoiceTraining", licence: str, consent: str
) -> None:
    from glmtts.voices.dataset import trained_voice
    from glmtts.voices.pack import card_of, full_networks, write_bundle, write_voice

    if how.method == "lora":
        write_voice(output, bundle, report, trained, card_of(output.stem, bundle, report, trained, licence, consent))
        typer.echo(f"{output} is ready: glm-tts say TEXT --voice {output}", err=True)
        return
    about, voice = f"trained on {report.minutes:.0f} minutes; {consent}", trained_voice(report.used, bundle)
    write_bundle(output, bundle, full_networks(bundle, trained), output.stem, voice, about, how.prefix)
    speaker = f" --speaker {output.stem}" if how.prefix else ""
    typer.echo(f"{output} is ready: glm-tts say TEXT --model {output}{speaker}", err=True)


@app.command()
def info(voice: File) -> None:
    """Show the card of a trained voice."""
    from glmtts.synthesis.trained_voice import TrainedVoice

    typer.echo(TrainedVoice.open(voice).card.model_dump_json(indent=1))


@app.command()
def merge(
    voice: File,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder of the bundle to write.")],
    model: Model = None,
) -> None:
    """Write a bundle whose weights are the base with the voice merged in: it speaks as fast as the base."""
    from glmtts.bundle import Bundle
    from glmtts.synthesis.adapter_pool import AdapterPool
    from glmtts.synthesis.trained_voice import TrainedVoice, read_adapter
    from glmtts.voices.pack import merge_into

    merge_into(output, Bundle.open(model), TrainedVoice.open(voice), AdapterPool(read_adapter))
    typer.echo(f"{output} is ready: glm-tts say TEXT --model {output}", err=True)


@app.command()
def peft(
    voice: File,
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder for each adapter is written there.")],
) -> None:
    """Write the adapters of a voice as folders that peft loads: adapter_model.safetensors and adapter_config.json."""
    from glmtts.synthesis.trained_voice import TrainedVoice
    from glmtts.voices.pack import write_peft

    for folder in write_peft(output, TrainedVoice.open(voice)):
        typer.echo(folder)
