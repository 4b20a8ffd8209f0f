"""The sequence of micro-batches: utterances of like length together, a pure function of data, settings and seed.

An epoch visits the shards in a random order. Shards with about `window` utterances between them are shuffled and
bucketed together, so that no more of the index than that is held, and any batch can be found from its number: counted
on from the window that was seen last, or from the one that a saved state names. Numbers say nothing of processes:
whoever trains shares them out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from glmtts.data.dataset import HELD_OUT_EVERY, Dataset, UtteranceRef
from glmtts.errors import ConfigError, TrainingError

WINDOW = 20_000
JITTER = 0.1  # lengths count with this much noise, so that an epoch's neighbours in length are others than the last's
EMPTY = 100  # windows without an utterance, one after another, that are no chance of a small `repeat`


@dataclass(frozen=True)
class _Window:
    """The batches of a window: the source, shard, row (N, 3) and seconds (N,) of all, and where each batch begins."""

    epoch: int
    window: int
    first: int
    places: np.ndarray
    seconds: np.ndarray
    starts: np.ndarray

    @property
    def end(self) -> int:
        """The number after that of the last batch."""
        return self.first + len(self.starts) - 1


class BucketSampler:
    """Gives micro-batch 0, 1, 2, …: at most `batch_seconds`, padding included, and at most `batch_utterances`.

    With `batch_utterances` alone, lengths are not sorted. Utterances shorter than `min_seconds`, longer than
    `max_seconds` or than a batch are left out.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_seconds: float | None = None,
        batch_utterances: int | None = None,
        seed: int = 0,
        held_out: bool = False,
        min_seconds: float = 0.0,
        max_seconds: float = float("inf"),
        window: int = WINDOW,
    ) -> None:
        if batch_seconds is None and batch_utterances is None:
            raise ConfigError("a batch needs a size: give batch_seconds, batch_utterances, or both.")
        self.dataset, self.seed, self.held_out, self.window = dataset, seed, held_out, window
        self.batch_seconds, self.batch_utterances = batch_seconds, batch_utterances
        self.min_seconds, self.max_seconds = min_seconds, min(max_seconds, batch_seconds or float("inf"))
        self._visits, self._sizes = _visits(dataset, held_out)
        self._order: tuple[int, list[np.ndarray]] = (-1, [])
        self._current: _Window | None = None

    @property
    def fingerprint(self) -> str:
        """What the sequence depends on, in short."""
        limits = (self.batch_seconds, self.batch_utterances, self.min_seconds, self.max_seconds)
        return f"{self.dataset.fingerprint}/{self.seed}/{self.held_out}/{self.window}/{limits}"

    def batch(self, number: int) -> list[UtteranceRef]:
        """The utterances of one micro-batch."""
        window = self._find(number)
        start, end = window.starts[number - window.first : number - window.first + 2]
        rows = zip(window.places[start:end].tolist(), window.seconds[start:end].tolist(), strict=True)
        return [UtteranceRef(source, shard, row, seconds) for (source, shard, row), seconds in rows]

    def epoch(self, number: int) -> int:
        """The epoch that a micro-batch belongs to."""
        return self._find(number).epoch

    def state_dict(self, number: int) -> dict[str, Any]:
        """What finds micro-batch `number` again without counting from the beginning."""
        window = self._find(number)
        place = {"epoch": window.epoch, "window": window.window, "first": window.first}
        return {"fingerprint": self.fingerprint, "number": number, **place}

    def load_state_dict(self, state: dict[str, Any]) -> int:
        """Go where a saved state was; gives the number of its micro-batch.

        Raises:
            TrainingError: the state is of other data or settings.
        """
        if state["fingerprint"] != self.fingerprint:
            raise TrainingError(
                "the data or their settings are not those of the checkpoint, so that its place in them means nothing. "
                "Put them back, or begin a new run from its weights."
            )
        self._current = self._make(state["epoch"], state["window"], state["first"])
        return state["number"]

    def _find(self, number: int) -> _Window:
        current, empty = self._current, 0
        if current is None or number < current.first:
            current = self._make(0, 0, 0)
        while number >= current.end:
            empty = empty + 1 if current.end == current.first else 0
            if empty >= max(EMPTY, len(self._windows(current.epoch))):
                raise TrainingError("no utterance is left to train on. Loosen the filters of the data.")
            current = self._next(current)
        self._current = current
        return current

    def _next(self, window: _Window) -> _Window:
        if window.window + 1 < len(self._windows(window.epoch)):
            return self._make(window.epoch, window.window + 1, window.end)
        return self._make(window.epoch + 1, 0, window.end)

    def _windows(self, epoch: int) -> list[np.ndarray]:
        """The visits of an epoch, (visits, 3) each: source, shard, pass."""
        if self._order[0] != epoch:
            order = np.random.default_rng([self.seed, epoch]).permutation(len(self._visits))
            before = np.cumsum(self._sizes[order]) - self._sizes[order]
            borders = np.flatnonzero(np.diff(before // self.window)) + 1
            self._order = (epoch, np.split(self._visits[order], borders))
        return self._order[1]

    def _make(self, epoch: int, window: int, first: int) -> _Window:
        rng = np.random.default_rng([self.seed, epoch, window])
        places, seconds = self._gather(self._windows(epoch)[window], epoch)
        if self.batch_seconds is None:
            order = rng.permutation(len(seconds))
        else:
            order = np.argsort(seconds * rng.uniform(1 - JITTER, 1 + JITTER, len(seconds)), kind="stable")
        batches = [order[start:end] for start, end in self._cut(seconds[order])]
        shuffled = [batches[number] for number in rng.permutation(len(batches))]
        taken = np.concatenate([np.empty(0, dtype=int), *shuffled])
        starts = np.cumsum([0, *map(len, shuffled)])
        return _Window(epoch, window, first, places[taken], seconds[taken], starts)

    def _gather(self, visits: np.ndarray, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """The utterances of a window: source, shard, row (N, 3) and seconds (N,)."""
        places, lengths = [np.empty((0, 3), dtype=np.int32)], [np.empty(0, dtype=np.float32)]
        for source, shard, passed in visits.tolist():
            rows = self.dataset.rows(source, shard, self.held_out)
            seconds = self.dataset.shard(source, shard).seconds[rows]
            keep = (seconds >= self.min_seconds) & (seconds <= self.max_seconds)
            share = self.dataset.sources[source].repeat - passed
            if share < 1:
                keep &= np.random.default_rng([self.seed, epoch, source, shard]).random(len(rows)) < share
            rows = rows[keep]
            places.append(np.stack([np.full_like(rows, source), np.full_like(rows, shard), rows], axis=1))
            lengths.append(seconds[keep])
        return np.concatenate(places), np.concatenate(lengths)

    def _cut(self, seconds: np.ndarray) -> Iterator[tuple[int, int]]:
        """Where each batch of utterances in this order starts and ends; its longest one sets what it costs."""
        most, limit = self.batch_utterances or len(seconds), self.batch_seconds or float("inf")
        start, longest = 0, 0.0
        for place, length in enumerate(seconds.tolist()):
            longest, count = max(longest, length), place - start + 1
            if count > 1 and (count > most or longest * count > limit):
                yield start, place
                start, longest = place, length
        if len(seconds):
            yield start, len(seconds)


def _visits(dataset: Dataset, held_out: bool) -> tuple[np.ndarray, np.ndarray]:
    """(visits, 3): source, shard, pass; and about how many utterances each gives.

    A shard is visited once for every pass that its source makes in an epoch, the last of them perhaps a part of one.
    """
    visits, sizes = [], []
    for source, (config, manifest) in enumerate(zip(dataset.sources, dataset.manifests, strict=True)):
        kept = (1 / HELD_OUT_EVERY if held_out else 1) / config.every
        for shard, entry in enumerate(manifest.shards):
            for passed in range(int(np.ceil(config.repeat))):
                visits.append((source, shard, passed))
                sizes.append(entry.utterances * kept * min(1, config.repeat - passed))
    return np.array(visits, dtype=np.int32).reshape(-1, 3), np.array(sizes)
