"""A language model from the pipeline's shards against one from the clean corpus: the whole way, compared.

    python recipes/pipeline/end_to_end.py CORPUS/en --work WORK

A corpus is a folder with an index.jsonl (id, text, lang, speaker) and a recording an id. Every tenth recording is held
out. The `clean` dataset has the corpus' own texts, speakers and languages; the `pipeline` dataset has recordings alone:
voice activity, diarization, transcription and punctuation find out the rest, and drop what they doubt. Two language
models, equal in size, seed, steps and first weights, are trained from one and from the other, and both are
measured on the held-out recordings with their own texts: accuracy of the next speech token, in per cent.

Offline, `--first whisper-base` and `--second tokens` (the CTC recogniser of the bundle) stand in for the report's
recognisers. Each step is skipped where it was done before.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

import glmtts.tasks  # noqa: F401, registers
from glmtts.bundle import Bundle
from glmtts.data import Dataset, SourceConfig
from glmtts.data.pipeline.config import PipelineConfig
from glmtts.data.pipeline.report import as_text, summed
from glmtts.data.pipeline.runner import run_pipeline
from glmtts.data.readings import Transcripts
from glmtts.errors import DataError
from glmtts.eval.hardware import environment
from glmtts.eval.lists import recording_of
from glmtts.lm.model import Llama
from glmtts.lm.sequences import collate, example, text_view
from glmtts.lm.train import LMLoss, lm_loss
from glmtts.programs import a_folder, folder_to_fill, parser_of, read_index, run_program, whole_from, write_text
from glmtts.text.audio_tokens import AudioTokens
from glmtts.training.config import RunConfig
from glmtts.training.engine import Engine
from glmtts.training.registry import create_task
from glmtts.training.weights import trained_model

HELD_OUT_EVERY = 10
FEATURES = {"name": "features", "options": {"features": ["tokens", "alignment"], "speaking_rate": False}}


def manifests(corpus: Path, work: Path, files: int | None) -> None:
    """Lists of recordings: with their labels (clean, held_out), and without (pipeline)."""
    rows = read_index(corpus, ("id", "text", "lang", "speaker"))[:files]
    if len(rows) <= HELD_OUT_EVERY:
        raise DataError(
            f"{corpus} has {len(rows)} recordings. Give more than {HELD_OUT_EVERY}, of which one is held out."
        )
    lists: dict[str, list[dict[str, Any]]] = {"clean": [], "held_out": [], "pipeline": []}
    for number, row in enumerate(rows):
        found = recording_of(corpus, row["id"], row.get("file"))
        if found is None or not found.is_file():
            raise DataError(f"{corpus} has no recording of '{row['id']}'. Add it, or take its line out.")
        path = found.relative_to(corpus).as_posix()
        labels = {"text": row["text"], "language": row["lang"], "speaker": row["speaker"]}
        if number % HELD_OUT_EVERY == 0:
            lists["held_out"].append({"path": path, "labels": labels})
        else:
            lists["clean"].append({"path": path, "labels": labels})
            lists["pipeline"].append({"path": path})
    for name, entries in lists.items():
        lines = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
        write_text(work / f"{name}.jsonl", lines)


def prepare(corpus: Path, work: Path, name: str, stages: list[dict[str, Any]]) -> tuple[Path, float]:
    """Run the pipeline over one list; gives its shards, and the share of the seconds that was kept."""
    values = {
        "run": {"input": corpus, "output": work / name, "manifest": work / f"{name}.jsonl", "name": name},
        "stage": stages,
        "shards": {"wave": False},
    }
    config = PipelineConfig.parse(values)
    config.check()
    report = summed(config, run_pipeline(config))
    print(f"{name}: {as_text(report)}", flush=True)
    return work / name / "shards", report.kept / report.seconds


def heard(first: str, second: str) -> list[dict[str, Any]]:
    """The pipeline's stages from speech to text."""
    recognisers = {"first": {"en": first, "zh": first}, "second": {"en": second, "zh": second}, "identify": first}
    return [
        {"name": "vad"},
        {"name": "diarize"},
        {"name": "length"},
        {"name": "transcribe", "options": recognisers},
        {"name": "punctuate"},
    ]


def train(shards: Path, out: Path, steps: int) -> Llama:
    """A language model from scratch; its size is that of `mini`'s."""
    tokenizer = Bundle.open().frontend().tokenizer
    layout = AudioTokens.of(tokenizer)
    config = RunConfig.parse(
        {
            "run": {"task": "lm", "out": str(out), "save_every": 100},
            "model": {"vocab_size": tokenizer.size},
            "init": {"speech_rows": "bundle"},
            "data": {
                "text": "bundle",
                "codes": layout.count,
                "prompt_share": 0.0,
                "batch_seconds": 40,
                "sources": [{"path": str(shards)}],
            },
            "optimizer": {"learning_rate": 1.5e-3, "weight_decay": 0.1},
            "schedule": {"steps": steps, "warmup_steps": steps // 10},
            "log": {"evaluate_every": None, "plot": False, "tensorboard": False},
            "distributed": {"workers": 0},
        }
    )
    engine = Engine(create_task(config))
    if not engine.finished:
        engine.fit()
    model = trained_model(out)
    assert isinstance(model, Llama)
    return model


@torch.no_grad()
def measure(model: Llama, shards: Path) -> dict[str, float]:
    """Accuracy (per cent) and cross-entropy of the next speech token, over all tokens of a dataset."""
    frontend = Bundle.open().frontend()
    layout, transcripts = AudioTokens.of(frontend.tokenizer), Transcripts(frontend)
    dataset = Dataset.open([SourceConfig(path=shards)], ["tokens", "alignment"])
    tokens, right, nats = 0, 0.0, 0.0
    for item in _items(dataset):
        view = text_view(transcripts, item)
        if view is None:
            continue
        batch = collate(layout, [example(layout, view.as_phonemes(), None)])
        metrics = lm_loss(model, layout, batch, LMLoss(corruption=0, alignment_scale=0))[1]
        count = len(batch.targets_N)
        tokens += count
        right += count * float(metrics["accuracy"])
        nats += count * float(metrics["cross_entropy"])
    return {"tokens": tokens, "accuracy": 100 * right / tokens, "cross_entropy": nats / tokens}


def _items(dataset: Dataset) -> Iterator[Any]:
    from glmtts.data import Item

    for number in range(len(dataset.manifests[0].shards)):
        shard = dataset.shard(0, number)
        for row in range(len(shard)):
            features = {name: shard.get(row, name) for name in ("tokens", "alignment")}
            yield Item(shard.utterance(row), features)


def _without_folder(name: str) -> str:
    return ":".join(Path(part).name for part in name.split(":"))


def main() -> None:
    """Prepare both datasets, train both models, compare them."""
    parser = parser_of(__doc__)
    parser.add_argument("corpus", type=a_folder)
    parser.add_argument("--work", type=folder_to_fill, required=True)
    parser.add_argument("--files", type=whole_from(HELD_OUT_EVERY + 1), help="only so many recordings")
    parser.add_argument("--steps", type=whole_from(), default=600)
    parser.add_argument("--first", default="whisper-large-v3")
    parser.add_argument("--second", default="reverb")
    chosen = parser.parse_args()
    manifests(chosen.corpus, chosen.work, chosen.files)
    held_out, _ = prepare(chosen.corpus, chosen.work, "held_out", [FEATURES])
    clean, _ = prepare(chosen.corpus, chosen.work, "clean", [FEATURES])
    piped, kept = prepare(chosen.corpus, chosen.work, "pipeline", [*heard(chosen.first, chosen.second), FEATURES])
    found = {
        name: measure(train(shards, chosen.work / f"lm_{name}", chosen.steps), held_out)
        for name, shards in (("clean", clean), ("pipeline", piped))
    }
    distance = found["pipeline"]["accuracy"] - found["clean"]["accuracy"]
    result = {
        **environment(),
        **found,
        "points": abs(round(distance, 2)),
        "kept_share": round(kept, 3),
        "files": chosen.files,
        "steps": chosen.steps,
        "recognisers": [_without_folder(chosen.first), _without_folder(chosen.second)],
    }
    write_text(chosen.work / "end_to_end.json", json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    run_program(main)
