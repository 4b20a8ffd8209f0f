"""`glm-tts data`: look into datasets and check them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from glmtts.data.pipeline.command import run, stage, worker

if TYPE_CHECKING:
    from glmtts.data.manifest import Manifest

app = typer.Typer(
    no_args_is_help=True,
    help="Make training data from raw recordings, look into it and check it.",
    pretty_exceptions_enable=False,
)
Folders = Annotated[list[Path], typer.Argument(help="Datasets: folders with a dataset.json.")]
SPEAKERS, WIDTH = 10, 40

app.command()(run)
app.command()(stage)
app.command()(worker)


@app.command()
def inspect(folders: Folders) -> None:
    """Show hours by source, language and speaker, features, lengths and a few texts."""
    from glmtts.data.dataset import Dataset, SourceConfig
    from glmtts.data.summary import BINS, summarise

    dataset = Dataset.open([SourceConfig(path=folder) for folder in folders])
    summary = summarise(dataset)
    shards = sum(len(manifest.shards) for manifest in dataset.manifests)
    typer.echo(
        f"{summary.utterances:,} utterances, {summary.seconds / 3600:.2f} h, {shards} shards, "
        f"{len(summary.by_speaker):,} speakers, {summary.held_out:,} utterances held out"
    )
    for title, seconds in (
        ("source", _most(summary.by_source)),
        ("language", _most(summary.by_language)),
        ("speaker", _most(summary.by_speaker)[:SPEAKERS]),
    ):
        _table(title, [(name, f"{total / 3600:9.2f} h") for name, total in seconds])
    _table("feature", [row for manifest in dataset.manifests for row in _features(manifest, len(folders) > 1)])
    most = max(1, int(summary.lengths.max()))
    bars = [(f"from {start:g} s", int(count)) for start, count in zip(BINS, summary.lengths, strict=True)]
    _table("length", [(name, f"{count:9,} {'█' * round(WIDTH * count / most)}") for name, count in bars if count])
    _table(
        "text", [(one.id, f"[{one.language}, {one.speaker}, {one.seconds:.1f} s] {one.text}") for one in summary.texts]
    )
    for manifest in dataset.manifests:
        if manifest.provenance:
            typer.echo(f"\n{manifest.name}: {manifest.provenance}")


@app.command()
def verify(folders: Folders) -> None:
    """Check every file of datasets against its hash."""
    from glmtts.data.dataset import Dataset, SourceConfig

    for folder in folders:
        files = Dataset.open([SourceConfig(path=folder)]).verify()
        typer.echo(f"{folder}: {files:,} files are as they were written.")


def _features(manifest: "Manifest", named: bool) -> list[tuple[str, str]]:
    rows = []
    for name, spec in manifest.features.items():
        there = sum(name in shard.files for shard in manifest.shards)
        size = sum(shard.files[name].bytes for shard in manifest.shards if name in shard.files)
        rate = "one an utterance" if spec.rate is None else f"{spec.rate:g} frames a second"
        missing = "" if there == len(manifest.shards) else f", in {there} of {len(manifest.shards)} shards"
        made_by = f", made by {spec.made_by}" if spec.made_by else ""
        shape = "×".join(map(str, spec.shape)) or "1"
        row = f"{spec.dtype} {shape}, {rate}, {size / 1e6:,.1f} MB{missing}{made_by}"
        rows.append((f"{manifest.name}/{name}" if named else name, row))
    return rows


def _most(seconds: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(seconds.items(), key=lambda item: -item[1])


def _table(title: str, rows: list[tuple[str, str]]) -> None:
    if rows:
        width = max(len(name) for name, _ in rows)
        typer.echo("\n" + "\n".join([title, *(f"  {name:<{width}}  {value}" for name, value in rows)]))
