"""Several datasets read as one: what of each is used, and its utterances by reference.

Only the list of shards is held. A shard's index is mapped when the shard is visited, and the least recently used of
the open ones is closed, so that a corpus of any size needs the same memory.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field

from glmtts.config import StrictConfig
from glmtts.data.manifest import INDEX, FeatureSpec, Manifest, read_manifest
from glmtts.data.shard import Shard, Utterance
from glmtts.data.tensors import sha256_of
from glmtts.errors import DataError

HELD_OUT_EVERY = 50  # a choice; it stays, else what older runs held out would be trained on
OPEN_SHARDS = 64  # each keeps a file a feature open; systems allow 1,024


class SourceConfig(StrictConfig):
    """One dataset, and what of it is used.

    `every` takes each such-and-such utterance, the same ones always. `repeat` is how often an utterance comes in an
    epoch; of a fraction, other utterances are drawn in each epoch. `languages` and `speakers` keep these alone.
    """

    path: Path
    every: Annotated[int, Field(ge=1)] = 1
    repeat: Annotated[float, Field(gt=0, le=1000)] = 1.0
    languages: tuple[str, ...] = ()
    speakers: tuple[str, ...] = ()


class UtteranceRef(NamedTuple):
    """Where an utterance is: source, shard and row there; its length; and the row of the voice prompt drawn for it.

    A prompt is another utterance of the same speaker in the same shard.
    """

    source: int
    shard: int
    row: int
    seconds: float
    prompt_row: int | None = None

    @property
    def prompt(self) -> "UtteranceRef | None":
        """The utterance that comes before as a voice prompt."""
        return None if self.prompt_row is None else self._replace(row=self.prompt_row, prompt_row=None)


@dataclass(frozen=True)
class Item:
    """An utterance with its features: frames (T, …) each, or one vector; views of the files, not to be written to."""

    utterance: Utterance
    features: dict[str, np.ndarray]


class Dataset:
    """Read access to the utterances of several sources."""

    def __init__(self, sources: Sequence[SourceConfig], manifests: Sequence[Manifest], features: Sequence[str]) -> None:
        self.sources, self.manifests, self.features = tuple(sources), tuple(manifests), tuple(features)
        self._open: OrderedDict[tuple[int, int], Shard] = OrderedDict()
        # utterances that come before each shard of a source
        self._first = [np.cumsum([0, *(s.utterances for s in manifest.shards)]) for manifest in manifests]

    @classmethod
    def open(cls, sources: Sequence[SourceConfig], features: Sequence[str] = ()) -> "Dataset":
        """Open datasets, from which `load` gives these features.

        Raises:
            DataError: a source is no dataset, is empty, lacks a feature in a shard, or has it mixed.
        """
        manifests = [read_manifest(source.path) for source in sources]
        if not any(manifest.utterances for manifest in manifests):
            raise DataError(f"{', '.join(str(source.path) for source in sources) or 'no source'}: no utterance there.")
        for feature in features:
            _check(feature, sources, manifests)
        return cls(sources, manifests, features)

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs: maps of files stay behind."""
        return {**self.__dict__, "_open": OrderedDict()}

    @property
    def fingerprint(self) -> str:
        """A hash of what is read: the utterances of every shard, in order, and the sources' settings."""
        digest = sha256()
        for source, manifest in zip(self.sources, self.manifests, strict=True):
            # not the path: a run may go on where its data have moved
            digest.update(repr(source.model_dump(exclude={"path"})).encode())
            digest.update(manifest.name.encode())
            for shard in manifest.shards:
                digest.update(shard.files[INDEX].sha256.encode())
        return digest.hexdigest()[:16]

    def shard(self, source: int, number: int) -> Shard:
        """A shard, open."""
        key = (source, number)
        if key not in self._open:
            entry = self.manifests[source].shards[number]
            self._open[key] = Shard(self.sources[source].path / entry.folder, entry)
            if len(self._open) > OPEN_SHARDS:
                self._open.popitem(last=False)
        self._open.move_to_end(key)
        return self._open[key]

    def rows(self, source: int, number: int, held_out: bool = False) -> np.ndarray:
        """The rows of a shard that its source's settings keep, of the training split or of the held-out one.

        About every fiftieth utterance is held out. Its name decides, so that it stays out when corpora are added.
        """
        config, shard = self.sources[source], self.shard(source, number)
        keep = (shard.split % HELD_OUT_EVERY == 0) == held_out
        if config.every > 1:
            # counted over the whole dataset: shards of fewer than `every` utterances still give their part
            keep &= (np.arange(len(shard)) + self._first[source][number]) % config.every == 0
        for names, known, codes in (
            (config.languages, shard.languages, "language"),
            (config.speakers, shard.speakers, "speaker"),
        ):
            if names:
                kept = [code for code, name in enumerate(known) if name in names]
                keep &= np.isin(shard.index.arrays[codes], kept)
        return np.flatnonzero(keep)

    def holds(self, *features: str) -> bool:
        """Whether every shard has these features, so that `open` can be asked for them."""
        return all(feature in shard.files for m in self.manifests for shard in m.shards for feature in features)

    def load(self, ref: UtteranceRef) -> Item:
        """An utterance with the features that the dataset was opened with."""
        shard = self.shard(ref.source, ref.shard)
        return Item(shard.utterance(ref.row), {name: shard.get(ref.row, name) for name in self.features})

    def utterances(self) -> Iterator[Utterance]:
        """All utterances of all sources, in the order that they were written, whatever the sources' settings keep."""
        for source, manifest in enumerate(self.manifests):
            for number, entry in enumerate(manifest.shards):
                shard = self.shard(source, number)
                yield from (shard.utterance(row) for row in range(entry.utterances))

    def held_out_sample(self, most: int, seed: int = 0) -> list[UtteranceRef]:
        """The same few held-out utterances every time, to evaluate on, from shards in a random order."""
        rng = np.random.default_rng(seed)
        shards = [(source, n) for source, manifest in enumerate(self.manifests) for n in range(len(manifest.shards))]
        places: list[UtteranceRef] = []
        # no more shards than stay open, so that a sample of a large corpus does not map all of it
        for source, number in (shards[n] for n in rng.permutation(len(shards))[:OPEN_SHARDS]):
            seconds = self.shard(source, number).seconds
            places += [
                UtteranceRef(source, number, row, float(seconds[row]))
                for row in self.rows(source, number, True).tolist()
            ]
        # sorted, they come shard by shard, and each is opened once
        return [places[n] for n in sorted(rng.permutation(len(places))[:most])]

    def verify(self) -> int:
        """Check every file against its hash; gives the number of files.

        Raises:
            DataError: names all files that are missing or damaged.
        """
        checked, damaged = 0, list[str]()
        for source, manifest in zip(self.sources, self.manifests, strict=True):
            for entry in manifest.shards:
                for file in entry.files.values():
                    path = source.path / entry.folder / file.file
                    checked += 1
                    if not path.is_file() or sha256_of(path) != file.sha256:
                        damaged.append(str(path))
        if damaged:
            raise DataError(
                f"{len(damaged)} of {checked} files are missing, or not those of their dataset.json: "
                f"{', '.join(damaged)}. Copy or prepare them again."
            )
        return checked


def _check(feature: str, sources: Sequence[SourceConfig], manifests: Sequence[Manifest]) -> None:
    specs: dict[FeatureSpec, Path] = {}
    for source, manifest in zip(sources, manifests, strict=True):
        files = [shard.files.get(feature) for shard in manifest.shards]
        missing, made_by = files.count(None), {file.made_by for file in files if file is not None}
        if missing:
            raise DataError(
                f"{missing} of {len(files)} shards of {source.path} hold no feature '{feature}'. "
                "Run the step that prepares it."
            )
        if len(made_by) > 1:
            raise DataError(
                f"the feature '{feature}' of {source.path} is mixed, made by {' and by '.join(sorted(made_by))}. "
                "Run the step that prepares it to its end."
            )
        # a source without shards agrees with all others
        if files:
            specs.setdefault(manifest.features[feature], source.path)
    if len(specs) > 1:
        (one, first), (other, second) = list(specs.items())[:2]
        raise DataError(
            f"the feature '{feature}' of {first} ({one}) is not that of {second} ({other}). "
            "Prepare both in the same way."
        )
