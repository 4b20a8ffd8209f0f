"""`glm-tts eval`: a command a protocol, and commands on results. What they need is imported when it is needed."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Measure systems by the protocols of the report and others, compare results, make listening tests.",
)
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder of the run: the same command goes on where it was.")]
Lists = Annotated[
    list[str] | None,
    typer.Argument(help="Names, .lst files, folders of CV3-Eval or with an index.jsonl; else the protocol's own."),
]
Systems = Annotated[
    list[str] | None,
    typer.Option(
        "--system",
        "-s",
        help="[LABEL=]NAME[:ARGUMENT][?option=value&…]; repeatable. mini, bundle:FOLDER, stream, recordings[:FOLDER], "
        "vocoder, tokens, noisy:FOLDER?snr=10, hibari-tts, espeak-ng.",
    ),
]
Asr = Annotated[
    list[str] | None,
    typer.Option(help="[LANGUAGE=]RECOGNISER in place of the protocol's, such as whisper:FOLDER; none for none."),
]
Scorers = Annotated[
    list[str] | None, typer.Option("--scorer", help="NAME[?option=value&…] in place of the protocol's; none for none.")
]
Lines = Annotated[int | None, typer.Option(min=1, help="First lines of each list.")]
Chunk = Annotated[int, typer.Option(min=1, help="Lines spoken together; what a kill can lose.")]
NumberOfProcesses = Annotated[int, typer.Option("--processes", min=1, help="Processes on this machine, a core each.")]
RayAddress = Annotated[str | None, typer.Option("--ray", help="Address of a Ray cluster, or local.")]
Corpus = Annotated[Path | None, typer.Option(help="Speech of held-out speakers, for mini-clone.")]
Language = Annotated[str | None, typer.Option(help="zh or en, where a list's folder does not tell.")]
Device = Annotated[str, typer.Option(help="Of recognisers: cpu, cuda, …")]


def _command(name: str) -> Callable[..., None]:
    def run(
        lists: Lists = None,
        out: Out = Path("evaluation") / name,
        system: Systems = None,
        asr: Asr = None,
        scorer: Scorers = None,
        lines: Lines = None,
        corpus: Corpus = None,
        language: Language = None,
        chunk: Chunk = 16,
        processes: NumberOfProcesses = 1,
        ray: RayAddress = None,
        gpus: Annotated[float, typer.Option(help="GPUs of a Ray task.")] = 0.0,
        device: Device = "cpu",
        restart: Annotated[bool, typer.Option("--restart", help="Forget what an earlier run made.")] = False,
    ) -> None:
        from glmtts.eval import protocols
        from glmtts.eval.protocols.base import Settings
        from glmtts.eval.report import write_report
        from glmtts.eval.runner import Run
        from glmtts.eval.systems import SystemSpec
        from glmtts.eval.workers import workers_of

        protocol = protocols.load(name)
        settings = Settings(
            tuple(lists or ()), language, corpus, lines, _recognisers(asr, protocol), _scorers(scorer), device
        )
        specs = [SystemSpec.parse(text) for text in system or protocol.systems]
        _check_labels([spec.label for spec in specs])
        results = protocol.run(specs, settings, Run(out, workers_of(processes, ray, gpus), chunk, restart))
        results.save(out)
        write_report(results, out)
        _show(results)
        typer.echo(f"{out / 'report.md'}, {out / 'report.html'}", err=True)

    return run


def _add(name: str, text: str) -> None:
    app.command(name, help=text)(_command(name))


for _name, _text in {
    "mini": "The lists that ship (mini-en, mini-zh, mini-hard, mini-mixed, mini-clone) and folders with an index.",
    "seed-tts": "Seed-TTS-eval (Table 3): zh, en and hard, as published and with everything counted.",
    "cv3": "CV3-Eval: cloning in and across languages.",
    "emotion": "Emotion (Tables 4 to 6): is the wanted one heard?",
    "laughter": "Laughter (section 3.3): is it there, and is it laughter rather than words?",
    "per": "Phoneme error with and without Phoneme-in (Table 7).",
    "forced": "Forced readings: is the reading heard that a control asks for?",
    "vocoder": "Vocoder copy synthesis (Table 8).",
    "speech-tokenizer": "Speech tokenizer: errors of its ASR head, copies, use of codes (Tables 1 and 2).",
    "streaming": "Streams: first sound, stalls, distance to the whole.",
    "long-form": "Long texts: does voice, loudness or rate drift?",
}.items():
    _add(_name, _text)


def _recognisers(given: list[str] | None, protocol: Any) -> dict[str, str]:
    """Recognisers by language; one without a language is for all that the protocol has."""
    found: dict[str, str] = {}
    for text in given or ():
        language, equals, name = text.partition("=")
        named = equals and len(language) == 2
        found |= {language: name} if named else dict.fromkeys(protocol.recognisers or ("en", "zh"), text)
    return found


def _scorers(given: list[str] | None) -> tuple[str, ...] | None:
    return None if given is None or not given else tuple(name for name in given if name != "none")


def _check_labels(labels: list[str]) -> None:
    from glmtts.errors import EvaluationError

    if twice := next((label for label in labels if labels.count(label) > 1), None):
        raise EvaluationError(f"Two systems are named '{twice}'. Give each a LABEL= of its own.")


def _show(results: Any) -> None:
    from glmtts.eval.report.cells import head_lines, tables_of
    from glmtts.eval.report.markdown import extra_tables, markdown_table

    for line in head_lines(results):
        typer.echo(line, err=True)
    for name, table in tables_of(results):
        typer.echo(f"\n{name}\n{markdown_table(table)}")
    typer.echo(extra_tables(results.extra))
