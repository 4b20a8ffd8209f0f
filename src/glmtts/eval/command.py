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
    def measure(
        lists: Lists = None,
        out: Out = Path("evaluation") / name,
        system: Systems = None,
        asr: Asr = None,
        scorer: Scorers = None,
        score_config: Annotated[Path | None, typer.Option(help="VERSA's YAML in place of --scorer.")] = None,
        lines: Lines = None,
        corpus: Corpus = None,
        language: Language = None,
        chunk: Chunk = 16,  # runner.CHUNK, whose import would bring PyTorch
        processes: NumberOfProcesses = 1,
        ray: RayAddress = None,
        gpus: Annotated[float, typer.Option(help="GPUs of a Ray task.")] = 0.0,
        device: Device = "cpu",
        bundle: Annotated[Path | None, typer.Option(help="Whose tokenizer is measured (speech-tokenizer).")] = None,
        restart: Annotated[bool, typer.Option("--restart", help="Forget what an earlier run made.")] = False,
    ) -> None:
        from glmtts.eval import choices, protocols
        from glmtts.eval.protocols.base import Settings
        from glmtts.eval.runner import Run
        from glmtts.eval.systems import SystemSpec
        from glmtts.eval.workers import workers_of

        protocol = protocols.load(name)
        choices.check_workers(processes, ray, gpus)
        heard_by, apart = choices.recognisers_of(asr or (), tuple(protocol.recognisers) or ("en", "zh"))
        scored_by = choices.scorers_of(scorer or (), score_config)
        settings = Settings(tuple(lists or ()), language, corpus, lines, heard_by, scored_by, device, bundle, apart)
        specs = [SystemSpec.parse(text) for text in system] if system else protocol.default_systems(settings)
        choices.check_labels([spec.label for spec in specs])
        run = Run(out, workers_of(processes, ray, gpus), chunk, restart)
        _show(protocol.run(specs, settings, run, lambda results: _save(results, out)))
        typer.echo(f"{out / 'report.md'}, {out / 'report.html'}", err=True)

    return measure


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


def _save(results: Any, out: Path) -> None:
    from glmtts.eval.report import write_report

    results.save(out)
    write_report(results, out)


def _show(results: Any) -> None:
    from glmtts.eval.report.cells import head_lines, tables_of
    from glmtts.eval.report.markdown import extra_tables, markdown_table

    for line in head_lines(results):
        typer.echo(line, err=True)
    for name, table in tables_of(results):
        typer.echo(f"\n{name}\n{markdown_table(table)}")
    typer.echo(extra_tables(results.extra))


@app.command("text")
def text(
    out: Out = Path("evaluation/text"),
    cases: Annotated[list[Path] | None, typer.Option(help="Table: language, kind, written, spoken.")] = None,
    written: Annotated[list[Path] | None, typer.Option(help="Table: written, spoken; named …_zh or …_en.")] = None,
    readings: Annotated[
        list[Path] | None, typer.Option(help="Table like CPP's: sentence with ▁ marks, pinyin.")
    ] = None,
    everyday: Annotated[Path | None, typer.Option(help="sentences.json of hsk-sentences-audio.")] = None,
    homographs: Annotated[Path | None, typer.Option(help="Lines of the Wikipedia Homograph Data.")] = None,
    homographs_train: Annotated[Path | None, typer.Option(help="Its training lines, for the most frequent.")] = None,
) -> None:
    """Text front end: normalisation, polyphones and homographs, beside wetext, pypinyin and g2pM where installed."""
    from glmtts.eval.text.protocol import Tables, measure
    from glmtts.eval.work import alone

    tables = Tables(cases or (), written or (), readings or (), everyday, homographs, homographs_train)
    results = measure(tables, out)
    with alone(out):
        _save(results, out)
    _show(results)


@app.command("report")
def report(run: Annotated[Path, typer.Argument(help="Folder of a run.")]) -> None:
    """Write the report of a finished run again, from its results."""
    from glmtts.eval.report import write_report
    from glmtts.eval.results import Results
    from glmtts.eval.work import alone

    results = Results.load(run)
    with alone(run):
        write_report(results, run)
    typer.echo(f"{run / 'report.md'}, {run / 'report.html'}", err=True)


@app.command("compare")
def compare_command(
    a: Annotated[str, typer.Argument(help="FOLDER:SYSTEM of a run.")],
    b: Annotated[str, typer.Argument(help="Another, or the same folder with another system.")],
    seed: Annotated[int, typer.Option(min=0, help="Of bootstrap and permutations.")] = 0,
) -> None:
    """Compare two systems line by line: differences, a permutation test, and the smallest effect that would show."""
    from glmtts.eval.compare import chosen, compare, comparison_table, measured_otherwise
    from glmtts.eval.report.markdown import markdown_table

    one, other = chosen(a), chosen(b)
    for line in measured_otherwise(one[0], other[0]):
        typer.echo(line, err=True)
    typer.echo(markdown_table(comparison_table(compare(one, other, seed))))


@app.command("versa")
def versa(
    files: Annotated[list[str], typer.Argument(help="SYSTEM=FILE: score files of VERSA.")],
    out: Out = Path("evaluation/versa"),
    name: Annotated[str, typer.Option(help="Name of the list.")] = "versa",
) -> None:
    """Read score files of VERSA into a results folder, to report and compare."""
    from glmtts.eval.choices import score_files_of
    from glmtts.eval.versa import results_of_versa
    from glmtts.eval.work import alone

    results = results_of_versa(score_files_of(files), name, out)
    with alone(out):
        _save(results, out)
    _show(results)


listening_app = typer.Typer(no_args_is_help=True, help="Listening tests: make a page, analyse its answers.")
app.add_typer(listening_app, name="listening")


@listening_app.command("make")
def listening_make(
    run: Annotated[Path, typer.Argument(help="Folder of a run whose recordings are judged.")],
    system: Annotated[list[str], typer.Option("--system", "-s", help="A label of the run; repeatable.")],
    out: Out = Path("evaluation/listening"),
    kind: Annotated[str, typer.Option(help="mos or preference.")] = "mos",
    lines: Annotated[int, typer.Option(min=1, help="Lines, drawn from those that all have spoken.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw.")] = 0,
) -> None:
    """Write a static page (OUT/page) and its key (OUT/key.json, which listeners must not see)."""
    from glmtts.errors import EvaluationError
    from glmtts.eval.listening.page import make_page

    if kind not in ("mos", "preference"):
        raise EvaluationError(f"The kind is '{kind}'. Choose mos or preference.")
    trials = make_page(run, system, kind, lines, out, seed)  # type: ignore[arg-type]
    typer.echo(f"{trials} trials: put {out / 'page'} on a web server, keep {out / 'key.json'} to yourself.", err=True)


@listening_app.command("analyse")
def listening_analyse(
    key: Annotated[Path, typer.Argument(help="key.json of the test.")],
    answers: Annotated[list[Path], typer.Argument(help="Files that listeners saved.")],
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
) -> None:
    """MOS or preference with intervals over listeners and lines, without inattentive listeners."""
    from glmtts.eval.listening.analysis import analyse
    from glmtts.eval.report.cells import figure
    from glmtts.eval.report.markdown import markdown_table

    found = analyse(key, answers, seed)
    title = "MOS [95 %]" if found.kind == "mos" else "share that prefers the first [95 %]"
    rows = [[one.system, figure(one.mean, one.interval), str(one.ratings)] for one in found.figures]
    typer.echo(markdown_table((["system", title, "ratings"], rows)))
    if found.order:
        rows = [[one.system, figure(one.mean, one.interval), str(one.ratings)] for one in found.order]
        typer.echo(markdown_table((["system", "strength (Bradley-Terry) [95 %]", "answers"], rows)))
    if found.note:
        typer.echo(found.note)
    left = ", ".join(f"{name} ({100 * failed:.0f} % of checks)" for name, failed in found.left_out.items())
    typer.echo(f"{found.raters} listeners" + (f"; left out: {left}" if left else ""))


@app.command("rank")
def rank(
    run: Annotated[Path, typer.Argument(help="Folder of a run.")],
    system: Annotated[list[str], typer.Option("--system", "-s", help="Labels from best to worst; repeatable.")],
    seed: Annotated[int, typer.Option(min=0, help="Of bootstrap and permutations.")] = 0,
) -> None:
    """Tell whether each column ranks systems as it must, such as recordings, a model, the same with noise."""
    from glmtts.eval.ranking import ranking_table
    from glmtts.eval.report.markdown import markdown_table
    from glmtts.eval.results import Results

    typer.echo(markdown_table(ranking_table(Results.load(run), system, seed)))
