"""What a dataset holds, counted from its manifest and the arrays of its indices, a shard at a time."""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from glmtts.data.dataset import HELD_OUT_EVERY, Dataset
from glmtts.data.shard import Shard, Utterance

BINS = (0, 0.5, 1, 2, 3, 5, 8, 12, 20, 30)  # seconds
TEXTS = 5


@dataclass
class Summary:
    """Seconds by source, language and speaker, utterances by length (a bin from each of `BINS`), a few utterances."""

    utterances: int = 0
    held_out: int = 0
    by_source: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    by_language: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    by_speaker: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    lengths: np.ndarray = field(default_factory=lambda: np.zeros(len(BINS), dtype=np.int64))
    texts: list[Utterance] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """All speech."""
        return sum(self.by_source.values())


def summarise(dataset: Dataset, texts: int = TEXTS) -> Summary:
    """Count a dataset, whatever its sources' settings keep."""
    summary, rng = Summary(), np.random.default_rng(0)
    for source, manifest in enumerate(dataset.manifests):
        for number in range(len(manifest.shards)):
            _count(summary, manifest.name, dataset.shard(source, number))
        # one shard of each source is enough for a few texts
        for number in rng.permutation(len(manifest.shards))[:1].tolist():
            shard = dataset.shard(source, number)
            summary.texts += [shard.utterance(row) for row in rng.permutation(len(shard))[:texts].tolist()]
    rng.shuffle(summary.texts)
    summary.texts = summary.texts[:texts]
    return summary


def _count(summary: Summary, name: str, shard: Shard) -> None:
    arrays, seconds = shard.index.arrays, shard.seconds
    summary.utterances += len(shard)
    summary.held_out += int((shard.split % HELD_OUT_EVERY == 0).sum())
    summary.by_source[name] += float(seconds.sum())
    for counter, names, codes in (
        (summary.by_language, shard.languages, arrays["language"]),
        (summary.by_speaker, shard.speakers, arrays["speaker"]),
    ):
        for known, total in zip(names, np.bincount(codes, seconds, len(names)).tolist(), strict=True):
            counter[known] += total
    # lengths count from 0, which is therefore no edge
    summary.lengths += np.bincount(np.digitize(seconds, BINS[1:]), minlength=len(BINS))
