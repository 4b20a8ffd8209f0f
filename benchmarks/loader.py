"""Time and memory to the first batch of the language model, from made-up datasets of 10 h and of 1,000 h; and a resume.

    python benchmarks/loader.py [--lhotse]

The utterances have texts, speech tokens and alignments, and no audio. Every figure is of a process of its own. Memory
counts what it holds beyond the imports; times are CPU seconds of one thread, since others share the machine.
`--lhotse` measures Lhotse's sampler on the same lengths: cuts in one JSON manifest, of which it reads nothing but the
lengths, and Shar with a mel spectrogram.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from report import environment, resident_mib, write_result

from glmtts.data import Dataset, FeatureSpec, ShardWriter, SourceConfig, Utterance
from glmtts.data.sampler import BucketSampler
from glmtts.programs import parser_of, run_program

HOURS = (10, 1000)
BATCH_SECONDS = 80
BATCHES = 200
PROMPTED = 0.4
PASS = 20  # utterances of a speaker
CLAUSES = {
    "zh": (
        "我们今天下午",
        "去公园散步",
        "你想一起来吗",
        "他把行李",
        "放在银行门口",
        "等了很长时间",
        "老师说",
        "学习要有耐心",
    ),
    "en": (
        "the rain in Spain",
        "he read the book",
        "that she had",
        "is it you",
        "a minute ago",
        "by the lake",
        "we live",
    ),
}


def text_of(language: str, rng: np.random.Generator) -> str:
    """Four clauses: few texts come twice, as reading them is part of the work."""
    clauses = [CLAUSES[language][place] for place in rng.integers(len(CLAUSES[language]), size=4).tolist()]
    return "，".join(clauses) + "。" if language == "zh" else ", ".join(clauses).capitalize() + "."


def lengths(hours: float) -> Iterator[float]:
    """Seconds of utterances, 3 on average, between 0.6 and 18."""
    rng, total = np.random.default_rng(0), 0.0
    while total < hours * 3600:
        for length in np.clip(rng.lognormal(0.95, 0.55, 1000), 0.6, 18).round(3).tolist():
            total += length
            yield length


def make(folder: Path, hours: float) -> None:
    """A dataset with `tokens` and `alignment`."""
    rng, spec = np.random.default_rng(1), FeatureSpec(rate=25)
    codes = rng.integers(0, 2048, 1000, dtype=np.int32)
    with ShardWriter(folder, {"tokens": spec, "alignment": spec}, provenance="made up") as writer:
        for number, seconds in enumerate(lengths(hours)):
            language = "zh" if number // PASS % 2 else "en"
            frames = int(seconds * 25)
            spoken = Utterance(f"u{number:07d}", text_of(language, rng), language, f"s{number // PASS}", seconds)
            writer.add(spoken, {"tokens": codes[:frames], "alignment": np.minimum(codes[:frames], 5)})


def batch_source(folder: Path) -> Any:
    """The micro-batches of the language model of `mini`."""
    import glmtts.tasks  # noqa: F401
    from glmtts.bundle import embedded
    from glmtts.text.tokenizer import TextTokenizer
    from glmtts.training.config import RunConfig
    from glmtts.training.registry import create_task

    tokenizer = TextTokenizer.load(embedded())
    values = {
        "run": {"task": "lm", "out": "unused"},
        "model": {"vocab_size": tokenizer.size},
        "data": {"text": "bundle", "codes": 2048, "batch_seconds": BATCH_SECONDS, "sources": [{"path": str(folder)}]},
        "schedule": {"steps": 1},
    }
    return create_task(RunConfig.parse(values)).source()


def measure(folder: Path) -> dict[str, float]:
    """The first batch, those after it, and a resume in the middle of an epoch."""
    import torch

    torch.set_num_threads(1)
    with_torch = resident_mib()
    import_module("glmtts.lm.train")
    before, clock, started = resident_mib(), time.perf_counter(), time.process_time()
    source = batch_source(folder)
    source.batch(0)
    first, waited, held = time.process_time() - started, time.perf_counter() - clock, resident_mib() - before
    started = time.process_time()
    for number in range(1, BATCHES + 1):
        source.batch(number)
    speed, after = BATCHES / (time.process_time() - started), resident_mib() - before
    return {
        "first_batch_seconds": round(first, 2),
        "first_batch_seconds_by_the_clock": round(waited, 2),
        "mib_beyond_imports": round(held, 1),
        f"mib_beyond_imports_after_{BATCHES}_batches": round(after, 1),
        "mib_of_python_and_torch": round(with_torch, 1),
        "mib_of_the_package": round(before - with_torch, 1),
        "batches_a_second": round(speed, 1),
        **measure_resume(folder),
    }


def measure_resume(folder: Path) -> dict[str, float]:
    """Finding the batch in the middle of an epoch: by counting, and by a saved place."""
    dataset = Dataset.open([SourceConfig(path=folder)])
    middle = int(0.5 * dataset.manifests[0].seconds / BATCH_SECONDS)
    counting, started = BucketSampler(dataset, BATCH_SECONDS), time.process_time()
    wanted = counting.batch(middle)
    counted, place = time.process_time() - started, counting.state_dict(middle)
    started = time.process_time()
    resumed = BucketSampler(Dataset.open([SourceConfig(path=folder)]), BATCH_SECONDS)
    assert resumed.batch(resumed.load_state_dict(place)) == wanted
    saved = time.process_time() - started
    return {
        "middle_of_epoch_batch": middle,
        "resume_seconds": round(saved, 3),
        "seconds_to_count_to_the_middle": round(counted, 3),
    }


def measure_padding(folder: Path) -> dict[str, float]:
    """Padded seconds over seconds of speech, with prompts drawn by the sampler, or for batches made without them."""
    dataset, rng = Dataset.open([SourceConfig(path=folder)]), np.random.default_rng(0)
    result = {}
    for name, window, share, later in (
        ("window_2000", 2_000, 0.0, 0.0),
        ("window_20000", 20_000, 0.0, 0.0),
        ("window_80000", 80_000, 0.0, 0.0),
        ("prompts_of_the_sampler", 20_000, PROMPTED, 0.0),
        ("prompts_drawn_for_batches", 20_000, 0.0, PROMPTED),
    ):
        sampler, padded, spoken = BucketSampler(dataset, BATCH_SECONDS, prompt_share=share, window=window), 0.0, 0.0
        for number in range(1500):
            lengths_B = []
            for ref in sampler.batch(number):
                seconds = dataset.shard(ref.source, ref.shard).seconds
                drawn = seconds[rng.integers(len(seconds))] if rng.random() < later else 0.0
                lengths_B.append(ref.seconds + (drawn if ref.prompt_row is None else seconds[ref.prompt_row]))
            padded += max(lengths_B) * len(lengths_B)
            spoken += sum(lengths_B)
        result[name] = round(padded / spoken, 3)
    return result


def in_process(kind: str, folder: Path) -> dict[str, float]:
    """The figures of one measurement in a process of its own."""
    command = [sys.executable, __file__, "--measure", kind, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--lhotse", action="store_true", help="measure Lhotse too")
    arguments = parser.parse_args()
    if arguments.measure:
        import loader_lhotse

        kinds = {
            "ours": measure,
            "padding": measure_padding,
            "cuts": loader_lhotse.measure_cuts,
            "shar": loader_lhotse.measure_shar,
        }
        kind, folder = arguments.measure
        print(json.dumps(kinds[kind](Path(folder))))
        return
    result: dict[str, Any] = {**environment(), "batch_seconds": BATCH_SECONDS}
    with tempfile.TemporaryDirectory() as work:
        for hours in HOURS:
            folder = Path(work) / f"{hours}h"
            started = time.process_time()
            make(folder, hours)
            written = round(time.process_time() - started, 1)
            row = {"seconds_to_write": written, **in_process("ours", folder)}
            if arguments.lhotse:
                import loader_lhotse

                loader_lhotse.make_cuts(Path(work) / f"{hours}h.jsonl", lengths(hours))
                row["lhotse"] = in_process("cuts", Path(work) / f"{hours}h.jsonl")
            result[f"{hours}_hours"] = row
        result["padding"] = in_process("padding", folder)
        if arguments.lhotse:
            result["lhotse_version"] = version("lhotse")
            result["lhotse_shar"] = in_process("shar", Path(work) / f"{HOURS[0]}h.jsonl")
    write_result("loader", result)


if __name__ == "__main__":
    run_program(main)
