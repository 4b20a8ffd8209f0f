"""A packed store of training features: one flat array a feature, memory-mapped, with an index of utterances.

A store is a folder with `index.jsonl` (a JSON object an utterance) and, for each feature, `NAME.npy` (the frames
of all utterances one after another) beside `NAME.offsets.npy` (int64, utterances + 1). Features of every length
and rate share the layout, a reader touches only the pages it needs, and a feature can be added later.
"""

import json
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from glmtts.errors import TrainingError


class FeatureStore:
    """Read access to a folder of packed features."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        index = self.folder / "index.jsonl"
        if not index.is_file():
            raise TrainingError(f"{self.folder} holds no index.jsonl. Prepare features there first.")
        self.entries: list[dict[str, Any]] = [
            json.loads(line) for line in index.read_text(encoding="utf-8").splitlines()
        ]
        self._arrays: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def __len__(self) -> int:
        return len(self.entries)

    @cached_property
    def names(self) -> list[str]:
        """Names of the features that the folder holds."""
        return sorted(path.name.removesuffix(".offsets.npy") for path in self.folder.glob("*.offsets.npy"))

    def get(self, utterance: int, name: str) -> np.ndarray:
        """The feature `name` of one utterance, shape (frames, …), as stored.

        Raises:
            TrainingError: the store holds no such feature.
        """
        if name not in self._arrays:
            path = self.folder / f"{name}.npy"
            if not path.is_file():
                raise TrainingError(f"{self.folder} holds no feature '{name}'. Run the step that prepares it.")
            self._arrays[name] = (
                np.load(path, mmap_mode="r"),
                np.load(self.folder / f"{name}.offsets.npy"),
            )
        values, offsets = self._arrays[name]
        return values[offsets[utterance] : offsets[utterance + 1]]


def write_index(folder: Path, entries: Iterable[dict[str, Any]]) -> None:
    """Write the index of a new store."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
    temporary = folder / "index.jsonl.part"
    temporary.write_text(lines, encoding="utf-8")
    temporary.replace(folder / "index.jsonl")


def write_feature(folder: Path, name: str, arrays: Iterable[np.ndarray]) -> None:
    """Pack one feature of all utterances, in the order of the index. A killed write leaves no feature behind."""
    offsets, total, header = [0], 0, None
    flat = folder / f"{name}.flat.part"
    with flat.open("wb") as file:
        for array in arrays:
            header = header or (array.dtype, array.shape[1:])
            file.write(np.ascontiguousarray(array).tobytes())
            total += len(array)
            offsets.append(total)
    if header is None:
        raise TrainingError(f"there is no utterance to take the feature '{name}' from.")
    values = np.memmap(flat, dtype=header[0], mode="r", shape=(total, *header[1]))
    packed = folder / f"{name}.part.npy"
    np.save(packed, values)
    del values
    flat.unlink()
    np.save(folder / f"{name}.offsets.npy", np.array(offsets, dtype=np.int64))
    packed.replace(folder / f"{name}.npy")
