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

WINDOW = 20_000  # of 1,000 h in batches of 80 s, 9.6 % is padding, 10.1 % with 2,000 (benchmarks/loader.py)
JITTER = 0.1  # lengths count with this much noise, so that an epoch's neighbours in length are others than the last's
EMPTY = 100  # windows without an utterance, one after another, that are no chance of a small `repeat`


@dataclass(frozen=True)
class _Window:
    """The batches of a window: source, shard, row, prompt (N, 4) and seconds (N,), and where each batch begins."""

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
    `max_seconds` or than a batch are left out. With probability `prompt_share` an utterance gets a voice prompt, whose
    length counts too, where its speaker has another utterance in the shard and both fit into a batch. (Prompts drawn
    for batches that are made already, four in ten, pad them to more than twice their speech.)
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
        prompt_share: float = 0.0,
        window: int = WINDOW,
    ) -> None:
        if batch_seconds is None and batch_utterances is None:
            raise ConfigError("a batch needs a size: give batch_seconds, batch_utterances, or both.")
        self.dataset, self.seed, self.held_out, self.window = dataset, seed, held_out, window
        self.batch_seconds, self.batch_utterances = batch_seconds, batch_utterances
        self.min_seconds, self.max_seconds = min_seconds, min(max_seconds, batch_seconds or float("inf"))
        self.prompt_share = prompt_share
        self._visits, self._sizes = _visits(dataset, held_out)
        self._order: tuple[int, list[np.ndarray]] = (-1, [])
        self._current: _Window | None = None

    @property
    def fingerprint(self) -> str:
        """What the sequence depends on, in short."""
        limits = (self.batch_seconds, self.batch_utterances, self.min_seconds, self.max_seconds, self.prompt_share)
        return f"{self.dataset.fingerprint}/{self.seed}/{self.held_out}/{self.window}/{limits}"

    def batch(self, number: int) -> list[UtteranceRef]:
        """The utterances of one micro-batch."""
        window = self._find(number)
        # one entry more than there are batches, so each has an end
        start, end = window.starts[number - window.first : number - window.first + 2]
        rows = zip(window.places[start:end].tolist(), window.seconds[start:end].tolist(), strict=True)
        return [_ref(place, seconds) for place, seconds in rows]

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
        if state.get("fingerprint") != self.fingerprint:
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
            # utterances that come before each visit
            before = np.cumsum(self._sizes[order]) - self._sizes[order]
            # a window begins where the running count passes a multiple of its size
            borders = np.flatnonzero(np.diff(before // self.window)) + 1
            self._order = (epoch, np.split(self._visits[order], borders))
        return self._order[1]

    def _make(self, epoch: int, window: int, first: int) -> _Window:
        # seeded by its place: any window can be made without those before it
        rng = np.random.default_rng([self.seed, epoch, window])
        places, seconds, costs = self._gather(self._windows(epoch)[window], epoch)
        if self.batch_seconds is None:
            order = rng.permutation(len(costs))
        else:
            # stable: equal lengths come in the same order on every platform
            order = np.argsort(costs * rng.uniform(1 - JITTER, 1 + JITTER, len(costs)), kind="stable")
        batches = [order[start:end] for start, end in self._cut(costs[order])]
        # shuffled again, else every window would go from short to long
        shuffled = [batches[number] for number in rng.permutation(len(batches))]
        taken = np.concatenate([np.empty(0, dtype=int), *shuffled])
        starts = np.cumsum([0, *map(len, shuffled)])
        return _Window(epoch, window, first, places[taken], seconds[taken], starts)

    def _gather(self, visits: np.ndarray, epoch: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The utterances of a window: source, shard, row, prompt (N, 4); their seconds (N,), and with the prompt's."""
        places, lengths = [np.empty((0, 4), dtype=np.int64)], [np.empty((0, 2))]
        for source, shard, passed in visits.tolist():
            seconds, rows = self.dataset.shard(source, shard).seconds, self._rows(source, shard)
            rng = np.random.default_rng([self.seed, epoch, source, shard, passed])
            # of the last pass only a part: half of the utterances in the third one of repeat = 2.5
            share = self.dataset.sources[source].repeat - passed
            chosen = rng.random(len(rows)) < share if share < 1 else np.ones(len(rows), dtype=bool)
            prompts, costs = self._prompts(source, shard, rows, rng)
            where = np.broadcast_to(np.array([source, shard]), (len(rows), 2))
            places.append(np.column_stack([where, rows, prompts])[chosen])
            lengths.append(np.column_stack([seconds[rows], costs])[chosen])
        both = np.concatenate(lengths)
        return np.concatenate(places), both[:, 0], both[:, 1]

    def _rows(self, source: int, shard: int) -> np.ndarray:
        """The rows of a shard that may come."""
        rows = self.dataset.rows(source, shard, self.held_out)
        seconds = self.dataset.shard(source, shard).seconds[rows]
        return rows[(seconds >= self.min_seconds) & (seconds <= self.max_seconds)]

    def _prompts(
        self, source: int, shard: int, rows: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """The row of each utterance's prompt, −1 without one (N,); and the seconds of both together (N,)."""
        open_shard = self.dataset.shard(source, shard)
        costs, prompts = open_shard.seconds[rows], np.full(len(rows), -1, dtype=np.int64)
        if self.prompt_share:
            others = rows[_another(open_shard.index.arrays["speaker"][rows], rng)]
            together = costs + open_shard.seconds[others]
            # a speaker's only utterance here would be its own prompt
            given = (rng.random(len(rows)) < self.prompt_share) & (others != rows)
            given &= together <= (self.batch_seconds or float("inf"))
            prompts, costs = np.where(given, others, -1), np.where(given, together, costs)
        return prompts, costs

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


def _ref(place: list[int], seconds: float) -> UtteranceRef:
    source, shard, row, prompt = place
    return UtteranceRef(source, shard, row, seconds, None if prompt < 0 else prompt)


def _another(groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """For each of N, the place of another of its group, drawn evenly (N,); its own where it is alone."""
    order = np.argsort(groups, kind="stable")
    _, starts, sizes = np.unique(groups[order], return_index=True, return_counts=True)
    start, size = np.repeat(starts, sizes), np.repeat(sizes, sizes)
    place = np.arange(len(groups)) - start
    drawn = (rng.random(len(groups)) * (size - 1)).astype(np.int64)
    # drawn among size − 1 places; those from its own on move up by one, which leaves it out
    drawn += (drawn >= place) & (size > 1)
    another = np.empty(len(groups), dtype=np.int64)
    another[order] = order[start + drawn]
    return another


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
