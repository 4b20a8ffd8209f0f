"""One shard: a folder of safetensors files, an index of utterances and the frames of each feature, memory-mapped.

`index.safetensors` holds, for N utterances: `seconds` (N,), `language` and `speaker` (N,) as codes into the lists in
its metadata, `split` (N,) the crc32 of "dataset/id", and `records`, their ids, texts and what else is known as JSON,
between `record_offsets` (N + 1,). A feature's file holds `values` (frames, …) with `offsets` (N + 1,), or (N, …)
where it is one vector an utterance.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from glmtts.data.manifest import INDEX, FileEntry, ShardEntry
from glmtts.data.tensors import TensorFile, read_tensors, write_tensors
from glmtts.errors import DataError
from glmtts.places import is_utf8

LONGEST = 1e9  # seconds: thirty years, which float32 still holds


@dataclass(frozen=True)
class Utterance:
    """One recording: its text, `zh` or `en`, who speaks, its length; `extra` holds what a pipeline adds (JSON)."""

    id: str
    text: str
    language: str
    speaker: str
    seconds: float
    extra: Mapping[str, Any] = field(default_factory=dict)


class Shard:
    """Read access to a shard; files are mapped when they are first needed."""

    def __init__(self, folder: Path, entry: ShardEntry) -> None:
        self.folder, self.entry = folder, entry
        self._features: dict[str, TensorFile] = {}

    def __len__(self) -> int:
        return self.entry.utterances

    @cached_property
    def index(self) -> TensorFile:
        """The arrays that describe the utterances.

        Raises:
            DataError: they are missing or damaged.
        """
        index = self._open(INDEX)
        # once, so that no row need be looked at again
        if not is_index(index, len(self)):
            raise DataError(f"{self.path(INDEX)} is damaged. Restore it from a copy.")
        return index

    @cached_property
    def seconds(self) -> np.ndarray:
        """Lengths (N,), as float64, so that comparing them with a limit does not round the limit."""
        return self.index.arrays["seconds"].astype(np.float64)

    @property
    def split(self) -> np.ndarray:
        """crc32 of each utterance's name (N,) uint32."""
        return self.index.arrays["split"]

    @cached_property
    def languages(self) -> list[str]:
        """What the codes of `language` stand for."""
        return json.loads(self.index.metadata["languages"])

    @cached_property
    def speakers(self) -> list[str]:
        """What the codes of `speaker` stand for."""
        return json.loads(self.index.metadata["speakers"])

    def utterance(self, row: int) -> Utterance:
        """One utterance, decoded.

        Raises:
            DataError: the index is damaged.
        """
        arrays = self.index.arrays
        try:
            start, end = arrays["record_offsets"][row : row + 2]
            record = json.loads(arrays["records"][start:end].tobytes())
            return Utterance(
                id=record["id"],
                text=record["text"],
                language=self.languages[arrays["language"][row]],
                speaker=self.speakers[arrays["speaker"][row]],
                seconds=float(arrays["seconds"][row]),
                extra=record["extra"],
            )
        except (LookupError, TypeError, ValueError, RecursionError):
            raise self._damaged(INDEX, row) from None

    def _damaged(self, feature: str, row: int) -> DataError:
        return DataError(f"{self.path(feature)} is damaged at its row {row}. Restore it from a copy.")

    def get(self, row: int, feature: str) -> np.ndarray:
        """A feature of one utterance, a view of the file: frames (T, …), or one vector.

        Raises:
            DataError: the shard holds no such feature, or its file is damaged.
        """
        if feature not in self._features:
            self._features[feature] = self._open(feature)
        arrays = self._features[feature].arrays
        try:
            if "offsets" not in arrays:
                return arrays["values"][row]
            start, end = arrays["offsets"][row : row + 2]
            if 0 <= start <= end <= len(arrays["values"]):
                return arrays["values"][start:end]
        except (LookupError, TypeError, ValueError):  # an array is missing or of another shape
            pass
        raise self._damaged(feature, row)

    def path(self, feature: str) -> Path:
        """Where a feature (or `index`) lies.

        Raises:
            DataError: the shard has no such feature.
        """
        if feature not in self.entry.files:
            raise DataError(f"{self.folder} holds no feature '{feature}'. Run the step that prepares it.")
        return self.folder / self.entry.files[feature].file

    def _open(self, feature: str) -> TensorFile:
        path = self.path(feature)
        # a size costs nothing to ask for; hashes are compared by `glm-tts data verify`
        if path.exists() and path.stat().st_size != self.entry.files[feature].bytes:
            raise DataError(f"{path} has not the size that it was written with. Restore it from a copy.")
        return read_tensors(path)


def name_hash(dataset: str, name: str) -> int:
    """crc32 of an utterance's name: it decides the split, and finds it again."""
    return crc32(f"{dataset}/{name}".encode())


def record_of(utterance: Utterance) -> bytes:
    """Id, text and extra of an utterance as the index holds them.

    Raises:
        DataError: a value is not of the type that `Utterance` says, no UTF-8 can hold it, or `extra` is no JSON; or the
            length is no number of seconds.
    """
    fields = {name: getattr(utterance, name) for name in ("id", "text", "language", "speaker")}
    wrong = [name for name, value in fields.items() if not isinstance(value, str) or not is_utf8(value)]
    if wrong:
        raise DataError(
            f"utterance {utterance.id!a}: {' and '.join(wrong)} must be text that UTF-8 can hold. Correct it."
        )
    try:
        known = 0 <= utterance.seconds <= LONGEST
    except TypeError:
        known = False
    if not known:
        raise DataError(f"utterance {utterance.id} has {utterance.seconds!r} seconds. Give its length as a number.")
    try:
        record = {"id": utterance.id, "text": utterance.text, "extra": dict(utterance.extra)}
        return json.dumps(record, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(f"utterance {utterance.id}: its extra is no JSON ({error}). Convert its values.") from None


def is_index(index: TensorFile, count: int) -> bool:
    """Whether arrays and metadata are those of `count` utterances."""
    arrays = index.arrays
    try:
        names = [json.loads(index.metadata[key]) for key in ("languages", "speakers")]
        lengths = [arrays[key].shape for key in ("seconds", "language", "speaker", "split")]
        offsets, seconds = arrays["record_offsets"], arrays["seconds"]
        return bool(
            lengths == [(count,)] * len(lengths)
            and offsets.shape == (count + 1,)
            and offsets[0] == 0
            and (np.diff(offsets) >= 0).all()
            and offsets[-1] == len(arrays["records"])
            and np.isfinite(seconds).all()
            and (seconds >= 0).all()
            and all(_are_codes(arrays[key], known) for key, known in zip(("language", "speaker"), names, strict=True))
        )
    except (LookupError, TypeError, ValueError, RecursionError):
        return False


def _are_codes(codes: np.ndarray, names: object) -> bool:
    """Whether each code has a name."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or codes.dtype.kind not in "iu":
        return False
    return not len(codes) or bool(codes.min() >= 0 and codes.max() < len(names))


def write_index(folder: Path, dataset: str, utterances: Sequence[Utterance]) -> FileEntry:
    """Write the index of a shard. Raises DataError as `record_of`."""
    records = [record_of(one) for one in utterances]
    languages, language = _coded([one.language for one in utterances])
    speakers, speaker = _coded([one.speaker for one in utterances])
    arrays: dict[str, np.ndarray] = {
        "seconds": np.array([one.seconds for one in utterances], dtype=np.float32),
        "language": language,
        "speaker": speaker,
        "split": np.array([name_hash(dataset, one.id) for one in utterances], dtype=np.uint32),
        "record_offsets": np.cumsum([0, *map(len, records)], dtype=np.int64),
        "records": np.frombuffer(b"".join(records), dtype=np.uint8),
    }
    path = folder / f"{INDEX}.safetensors"
    names = {"languages": json.dumps(languages), "speakers": json.dumps(speakers, ensure_ascii=False)}
    digest = write_tensors(path, arrays, names)
    return FileEntry(file=path.name, sha256=digest, bytes=path.stat().st_size)


def _coded(values: list[str]) -> tuple[list[str], np.ndarray]:
    """The values that occur, in order, and the place there of each (N,) int32."""
    # in order of appearance: equal utterances make equal bytes
    codes = {value: code for code, value in enumerate(dict.fromkeys(values))}
    return list(codes), np.array([codes[value] for value in values], dtype=np.int32)
