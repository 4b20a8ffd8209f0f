"""The same measurements of Lhotse's dynamic bucketing; run by loader.py."""

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from report import resident_mib

BATCH_SECONDS, BUCKETS, BUFFER = 80, 20, 20_000


def make_cuts(path: Path, lengths: Iterator[float]) -> None:
    """A manifest of cuts, a line each."""
    with path.open("w", encoding="utf-8") as file:
        for number, seconds in enumerate(lengths):
            common = {"start": 0, "duration": seconds, "channel": 0}
            name = f"u{number:07d}"
            said = {"id": name, "recording_id": name, "text": "我们今天去公园散步，你来吗？", "language": "zh"}
            said |= {"speaker": f"s{number // 20}", **common}
            file.write(json.dumps({"id": name, **common, "supervisions": [said], "type": "MonoCut"}) + "\n")


def sampler(cuts: Any) -> Any:
    """Shuffled batches of like lengths."""
    from lhotse.dataset import DynamicBucketingSampler

    return DynamicBucketingSampler(
        cuts, max_duration=BATCH_SECONDS, num_buckets=BUCKETS, buffer_size=BUFFER, shuffle=True, seed=0
    )


def measure_cuts(path: Path) -> dict[str, float]:
    """The first batch of lengths, and a resume in the middle of an epoch, from a manifest read lazily."""
    from lhotse import CutSet

    before = resident_mib()
    cuts = CutSet.from_jsonl_lazy(path)
    started = time.process_time()
    running = sampler(cuts)
    batches = iter(running)
    next(batches)
    first, held = time.process_time() - started, resident_mib() - before
    middle = 1
    with path.open(encoding="utf-8") as file:
        half = sum(json.loads(line)["duration"] for line in file) / 2 / BATCH_SECONDS
    started = time.process_time()
    while middle < half:
        next(batches)
        middle += 1
    speed, state, wanted = middle / (time.process_time() - started), running.state_dict(), next(batches)
    started = time.process_time()
    resumed = sampler(cuts)
    resumed.load_state_dict(state)
    assert [cut.id for cut in next(iter(resumed))] == [cut.id for cut in wanted]
    return {
        "first_batch_seconds": round(first, 2),
        "mib_beyond_imports": round(held, 1),
        "batches_a_second": round(speed, 1),
        "middle_of_epoch_batch": middle,
        "resume_seconds": round(time.process_time() - started, 2),
    }


def measure_shar(path: Path) -> dict[str, float]:
    """The first batch of Shar with tokens and a mel: it reads the arrays of all that it shuffles."""
    from lhotse import CutSet
    from lhotse.shar import SharWriter

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        fields = {"tokens": "numpy", "mel": "numpy"}
        with SharWriter(folder, fields=fields, shard_size=1000, warn_unused_fields=False) as writer:
            count = 0
            for cut in CutSet.from_jsonl_lazy(path):
                frames = int(cut.duration * 25)
                tokens, mel = rng.integers(0, 2048, frames), rng.normal(size=(2 * frames, 80)).astype(np.float16)
                for name, array in (("tokens", tokens.astype(np.int32)), ("mel", mel)):
                    cut = cut.attach_tensor(name, array, frame_shift=cut.duration / len(array), temporal_dim=0)
                writer.write(cut)
                count += 1
        before, started = resident_mib(), time.process_time()
        next(iter(sampler(CutSet.from_shar(in_dir=folder, shuffle_shards=True, seed=0))))
        return {
            "utterances": count,
            "first_batch_seconds": round(time.process_time() - started, 2),
            "mib_beyond_imports": round(resident_mib() - before, 1),
        }
