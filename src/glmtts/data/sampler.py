"""The sequence of micro-batches: utterances of like length together, a pure function of data, settings and seed.

An epoch visits the shards in a random order. `window` utterances, of as many shards as hold them, are shuffled and
bucketed together, so that a batch costs no more than its window, and any batch can be found from its number: counted
on from the window that was seen last, or from the one that a saved state names. Numbers say nothing of processes:
whoever trains shares them out.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from glmtts.data.dataset import Dataset, UtteranceRef
from glmtts.errors import ConfigError, TrainingError

WINDOW = 20_000  # utterances: 16 h; with 2,000 the padding grows from … to …
JITTER = 0.1


@dataclass(frozen=True)
class _Window:
    """The batches of a window: rows of (source, shard, row) with their seconds, and where each batch begins."""

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
        self._visits = _visits(dataset)
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
        current = self._current
        if current is None or number < current.first:
            current = self._make(0, 0, 0)
        empty_epoch = None
        while number >= current.end:
            if current.end == current.first:
                if empty_epoch is not None and current.epoch > empty_epoch:
                    raise TrainingError("no utterance is left to train on. Loosen the filters of the data.")
                empty_epoch = current.epoch if empty_epoch is None else empty_epoch
            else:
                empty_epoch = None
            last = current.window + 1 >= len(self._windows(current.epoch))
            epoch, window = (current.epoch + 1, 0) if last else (current.epoch, current.window + 1)
            current = self._make(epoch, window, current.end)
        self._current = current
        return current

    def _windows(self, epoch: int) -> list[np.ndarray]:
        """The visits of an epoch, (visits, 3) each: source, shard, pass."""
        if self._order[0] != epoch:
            order = self._visits[np.random.default_rng([self.seed, epoch]).permutation(len(self._visits))]
            sizes = np.array([self.dataset.manifests[source].shards[shard].utterances for source, shard, _ in order])
            borders = np.flatnonzero(np.diff((np.cumsum(sizes) - sizes) // self.window)) + 1
            self._order = (epoch, np.split(order, borders))
        return self._order[1]

    def _make(self, epoch: int, window: int, first: int) -> _Window:
        visits = self._windows(epoch)[window]
        rng = np.random.default_rng([self.seed, epoch, window])
        parts, lengths = [], []
        for source, shard, passed in visits.tolist():
            rows = self._rows(source, shard, passed, epoch)
            places = np.empty((len(rows), 3), dtype=np.int32)
            places[:] = (source, shard, 0)
            places[:, 2] = rows
            parts.append(places)
            lengths.append(self.dataset.shard(source, shard).seconds[rows])
        places, seconds = np.concatenate(parts), np.concatenate(lengths)
        if self.batch_seconds is None:
            order = rng.permutation(len(seconds))
        else:
            order = np.argsort(seconds * rng.uniform(1 - JITTER, 1 + JITTER, len(seconds)), kind="stable")
        places, seconds = places[order], seconds[order]
        sizes = np.diff(self._borders(seconds))
        groups = np.split(np.arange(len(seconds)), np.cumsum(sizes)[:-1]) if len(seconds) else []
        shuffled = [groups[number] for number in rng.permutation(len(groups))]
        taken = np.concatenate(shuffled) if shuffled else np.empty(0, dtype=int)
        starts = np.cumsum([0, *map(len, shuffled)])
        return _Window(epoch, window, first, places[taken], seconds[taken], starts)

    def _rows(self, source: int, shard: int, passed: int, epoch: int) -> np.ndarray:
        rows = self.dataset.rows(source, shard, self.held_out)
        seconds = self.dataset.shard(source, shard).seconds[rows]
        rows = rows[(seconds >= self.min_seconds) & (seconds <= self.max_seconds)]
        share = self.dataset.sources[source].repeat - passed
        if share >= 1:
            return rows
        drawn = np.random.default_rng([self.seed, epoch, source, shard, passed]).random(len(rows))
        return rows[drawn < share]

    def _borders(self, seconds: np.ndarray) -> list[int]:
        """Where batches begin among utterances in order, and the end; the longest of a batch sets its cost."""
        most, limit = self.batch_utterances or len(seconds), self.batch_seconds or float("inf")
        borders, count, longest = [0], 0, 0.0
        for place, length in enumerate(seconds.tolist()):
            longest = max(longest, length)
            if count and (count + 1 > most or longest * (count + 1) > limit):
                borders.append(place)
                count, longest = 0, length
            count += 1
        return [*borders, len(seconds)] if count else [0]


def _visits(dataset: Dataset) -> np.ndarray:
    """(visits, 3): source, shard, pass; a shard is visited once for every pass that its source makes in an epoch."""
    visits = [
        (source, shard, passed)
        for source, (config, manifest) in enumerate(zip(dataset.sources, dataset.manifests, strict=True))
        for shard in range(len(manifest.shards))
        for passed in range(int(np.ceil(config.repeat)))
    ]
    return np.array(visits, dtype=np.int32).reshape(-1, 3)


def held_out_refs(dataset: Dataset, most: int, seed: int = 0) -> list[UtteranceRef]:
    """The same few held-out utterances every time, to evaluate on."""
    places = [
        UtteranceRef(source, shard, int(row), float(dataset.shard(source, shard).seconds[row]))
        for source, manifest in enumerate(dataset.manifests)
        for shard in range(len(manifest.shards))
        for row in dataset.rows(source, shard, held_out=True)
    ]
    order = np.random.default_rng(seed).permutation(len(places))[:most]
    return [places[number] for number in sorted(order)]
