"""Small datasets of made-up arrays."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from glmtts.data import FeatureSpec, ShardWriter, Utterance

FEATURES = {"mel": FeatureSpec(rate=50), "speaker": FeatureSpec(rate=None)}


def utterance(number: int, seconds: float = 2.0) -> Utterance:
    """Every third speaks English, every tenth utterance begins another speaker."""
    language = "zh" if number % 3 else "en"
    return Utterance(f"u{number}", "你好", language, f"s{number // 10}", seconds, {"number": number})


def mel_of(number: int, seconds: float) -> np.ndarray:
    """Frames that tell their utterance and their place."""
    frames = np.arange(int(seconds * 50), dtype=np.float16)
    return np.stack([frames, np.full_like(frames, number)], axis=1)


def write(folder: Path, seconds: Sequence[float], shard_seconds: float = 60, first: int = 0) -> Path:
    """A dataset with `mel` (T, 2) and `speaker` (4,), an utterance for each length."""
    with ShardWriter(folder, FEATURES, provenance="made up", shard_seconds=shard_seconds) as writer:
        for number, length in enumerate(seconds, start=first):
            features = {"mel": mel_of(number, length), "speaker": np.full(4, number, dtype=np.float32)}
            writer.add(utterance(number, length), features)
    return folder


@contextmanager
def few_open_files(count: int) -> Iterator[None]:
    """Inside, this process opens at most `count` more files at once."""
    resource = pytest.importorskip("resource", reason="limits of POSIX")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    # the limit is one of numbers, below which some are taken: by other tests, or by a worker's channels
    free = (number for number in range(before[0]) if not _is_open(number))
    *_, last = islice(free, count)
    resource.setrlimit(resource.RLIMIT_NOFILE, (last + 1, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
