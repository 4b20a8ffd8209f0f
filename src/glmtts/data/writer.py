"""Writing a dataset: utterances into shards, and features into shards that are there already.

What is not whole lies aside: a shard, or a feature of one, is renamed into its place when all of it is on the disk,
and then listed. A writer that is killed leaves the dataset as it was before its unfinished shard.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from shutil import rmtree
from types import TracebackType
from typing import IO, Self

import numpy as np
from tqdm import tqdm

from glmtts import durable
from glmtts.data.dataset import Item
from glmtts.data.features import check_feature, check_text, spec_with
from glmtts.data.known import KnownUtterances
from glmtts.data.manifest import (
    FILE,
    INDEX,
    FeatureSpec,
    FileEntry,
    Manifest,
    ShardEntry,
    read_manifest,
    scratch,
    update_manifest,
)
from glmtts.data.shard import Shard, Utterance, record_of, write_index
from glmtts.data.tensors import Streamed, bytes_of, write_tensors
from glmtts.errors import DataError


class _Column:
    """One feature of the shard that is being written: its frames go to a file, their places stay here."""

    def __init__(self, folder: Path, name: str, spec: FeatureSpec) -> None:
        self.name, self.spec = name, spec
        self._path = folder / f"{name}.raw"
        self._file: IO[bytes] = self._path.open("wb")
        self._offsets = [0]

    def append(self, array: np.ndarray, spec: FeatureSpec) -> None:
        """Add the array of the next utterance; `spec` is what the column holds with it (`spec_with`)."""
        self.spec = spec
        self._file.write(bytes_of(array))
        self._offsets.append(self._offsets[-1] + (1 if self.spec.rate is None else len(array)))

    def close(self, folder: Path) -> FileEntry:
        """Write the feature's file; gives its entry."""
        self._file.close()
        values = Streamed(self._path, np.dtype(self.spec.dtype), (self._offsets[-1], *self.spec.shape))
        arrays: dict[str, np.ndarray | Streamed] = {"values": values}
        if self.spec.rate is not None:
            arrays["offsets"] = np.array(self._offsets, dtype=np.int64)
        path = folder / f"{self.name}.safetensors"
        digest = write_tensors(path, arrays, {})
        self._path.unlink()
        # the digest in its name lets a feature that is computed anew lie beside the old one, which readers may have
        # mapped
        named = path.rename(folder / f"{self.name}-{digest[:8]}.safetensors")
        return FileEntry(file=named.name, sha256=digest, bytes=named.stat().st_size, made_by=self.spec.made_by)


class ShardWriter:
    """Adds utterances to a dataset; several writers may add to one at the same time.

    A shard holds about `shard_seconds` of speech. Write the utterances of a speaker one after another: a prompt of
    the same speaker is looked for within a shard. Use it as a context manager; what an exception interrupts is left out
    from the last whole shard on.
    """

    def __init__(
        self,
        folder: Path,
        features: Mapping[str, FeatureSpec] | None = None,
        name: str | None = None,
        provenance: str = "",
        shard_seconds: float = 3600,
    ) -> None:
        self.folder = Path(folder)
        self.features = dict(features or {})
        self.shard_seconds = shard_seconds
        for feature, spec in self.features.items():
            check_feature(feature, spec)
        for text in (provenance, name or ("" if (self.folder / FILE).exists() else self.folder.resolve().name)):
            check_text(text)
        self.folder.mkdir(parents=True, exist_ok=True)
        manifest = update_manifest(self.folder, lambda old: _begun(old, provenance), name)
        self.name = manifest.name
        self._known: KnownUtterances | None = None
        # holds the scratch folder, which is given up and made anew with each shard
        self._scratch = ExitStack()
        self._open()

    def _open(self) -> None:
        self._part = self._scratch.enter_context(scratch(self.folder))
        # a folder within: that of `scratch` is its owner's alone, and holds a lock
        self._made = self._part / "shard"
        self._made.mkdir()
        self._columns = {name: _Column(self._part, name, spec) for name, spec in self.features.items()}
        self._utterances: list[Utterance] = []
        self._seconds = 0.0

    def add(self, utterance: Utterance, features: Mapping[str, np.ndarray] | None = None) -> None:
        """Add one utterance with its features: (T, …) each, or one vector where a feature has no rate.

        Raises:
            DataError: a feature is missing, not announced, or unlike that of other utterances; or no index can hold
                what the utterance says. Nothing of it is written, and the writer goes on.
        """
        record_of(utterance)  # now: an hour of others would be lost where their shard could not be published
        features = features or {}
        if set(features) != set(self._columns):
            given, wanted = (", ".join(sorted(names)) or "none" for names in (features, self._columns))
            raise DataError(f"utterance {utterance.id} comes with the features {given}; announced were {wanted}.")
        # all are checked before one is written, else a column would be a row ahead of the others
        specs = {name: spec_with(name, self._columns[name].spec, array) for name, array in features.items()}
        for name, array in features.items():
            self._columns[name].append(array, specs[name])
        self._utterances.append(utterance)
        if self._known is not None:
            self._known.add(utterance.id)
        self._seconds += float(utterance.seconds)
        if self._seconds >= self.shard_seconds:
            self._publish()
            self._open()

    def holds(self, name: str) -> bool:
        """Whether an utterance of this id is there; of other writers' only those whose shard was listed before.

        Nothing else asks: an id that is added twice is there twice, and training sees it twice.
        """
        if self._known is None:
            self._known = KnownUtterances(self.folder)
            for utterance in self._utterances:
                self._known.add(utterance.id)
        return name in self._known

    def close(self) -> None:
        """Publish the last shard."""
        if self._utterances:
            self._publish()
        self._scratch.close()

    def _publish(self) -> None:
        files = {INDEX: write_index(self._made, self.name, self._utterances)}
        files |= {name: column.close(self._made) for name, column in self._columns.items()}
        # the files are on the disk already (`write_tensors`); this is for their names
        durable.sync(self._made)
        count, seconds = len(self._utterances), round(self._seconds, 3)
        specs = {name: column.spec for name, column in self._columns.items()}

        def listed(manifest: Manifest) -> Manifest:
            entry = ShardEntry(folder=_next_folder(manifest), utterances=count, seconds=seconds, files=files)
            # before the rename: a disagreement must leave no folder behind
            agreed = _agreed(manifest, specs)
            place = self.folder / entry.folder
            if place.exists():  # no entry names it: a writer was killed between renaming and listing
                rmtree(place)
            self._made.rename(place)
            durable.sync(self.folder)
            return agreed.with_shards((*manifest.shards, entry))

        update_manifest(self.folder, listed)
        self.features = specs
        self._scratch.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._scratch.close()


def add_feature(
    folder: Path, name: str, spec: FeatureSpec, compute: Callable[[Item], np.ndarray], reads: tuple[str, ...] = ()
) -> int:
    """Compute one feature of every utterance of a dataset, shard by shard; gives the number of shards written.

    Shards that hold the feature already, made by the same (`spec.made_by`), are skipped, so that a run that was
    killed goes on; those made by something else are computed again. `compute` is given each utterance with the
    features that it `reads`. Until all shards are done, `Dataset.open` refuses the mixture.

    Raises:
        DataError: no feature can be called that, or the arrays are not alike.
    """
    check_feature(name, spec)
    folder, manifest, written = Path(folder), read_manifest(folder), 0
    with tqdm(total=manifest.utterances, desc=f"{folder.name} {name}", unit="utt", mininterval=10) as bar:
        for number, entry in enumerate(manifest.shards):
            there = entry.files.get(name)
            if there is not None and there.made_by == spec.made_by:
                bar.update(entry.utterances)
                continue
            shard = Shard(folder / entry.folder, entry)
            items = (Item(shard.utterance(n), {read: shard.get(n, read) for read in reads}) for n in range(len(shard)))
            _add_to_shard(folder, number, name, spec, _counted(map(compute, items), bar))
            written += 1
    return written


def _counted(arrays: Iterable[np.ndarray], bar: tqdm) -> Iterator[np.ndarray]:
    for array in arrays:
        yield array
        bar.update()


def _add_to_shard(folder: Path, number: int, name: str, spec: FeatureSpec, arrays: Iterable[np.ndarray]) -> None:
    with scratch(folder) as part:
        column = _Column(part, name, spec)
        for array in arrays:
            column.append(array, spec_with(name, column.spec, array))
        file, replaced = column.close(part), []

        def listed(manifest: Manifest) -> Manifest:
            agreed = _agreed(manifest, {name: column.spec})
            shard = agreed.shards[number]
            place = folder / shard.folder
            (part / file.file).replace(place / file.file)
            durable.sync(place)
            changed = shard.model_copy(update={"files": {**shard.files, name: file}})
            # equal bytes have the same name, and what another feature names is that one's: both must stay
            listed_files = {one.file for one in changed.files.values()}
            if name in shard.files and shard.files[name].file not in listed_files:
                replaced.append(place / shard.files[name].file)
            return agreed.with_shards((*agreed.shards[:number], changed, *agreed.shards[number + 1 :]))

        update_manifest(folder, listed)
    # only now: until the manifest was replaced, readers were told of the old file
    for path in replaced:
        path.unlink(missing_ok=True)


def _next_folder(manifest: Manifest) -> str:
    """A folder that no shard has, also where one was taken out of the manifest."""
    numbers = [int(entry.folder) for entry in manifest.shards if re.fullmatch("[0-9]+", entry.folder)]
    return f"{max(numbers, default=-1) + 1:06d}"


def _begun(manifest: Manifest, provenance: str) -> Manifest:
    return manifest.model_copy(update={"provenance": manifest.provenance or provenance})


def _agreed(manifest: Manifest, specs: Mapping[str, FeatureSpec]) -> Manifest:
    """The manifest with these features, where they are what its shards hold of them already."""
    for name, spec in specs.items():
        known = manifest.features.get(name)
        replaced = known is not None and known.made_by != spec.made_by
        if known is not None and not replaced and known != spec:
            raise DataError(f"{manifest.name} holds the feature '{name}' as {known}, not {spec}. Give it another name.")
    return manifest.model_copy(update={"features": {**manifest.features, **specs}})
