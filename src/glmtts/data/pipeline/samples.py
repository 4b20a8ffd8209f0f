"""What can be heard of a run: a few clips that were kept, and a few of each reason for a drop, as FLAC files."""

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from glmtts.config import read_json
from glmtts.data.pipeline.sound import write_sound
from glmtts.data.pipeline.store import write_through, write_whole
from glmtts.data.pipeline.work import Sample
from glmtts.errors import DataError

FOLDER, INDEX = "samples", "index.json"
LONGEST_TEXT = 1000  # characters in the index and on the page; the shards have all
LARGEST = 1 << 28  # bytes: a stage may have thousands of reasons, and an earlier version did not cut texts
KINDS: dict[str, Any] = {
    "file": str,
    "lot": int,
    "stage": str,
    "reason": str,
    "clip": str,
    "text": str,
    "seconds": int | float,
}


def read_index(output: Path) -> list[dict[str, Any]]:
    """What can be heard of a run, a row a file; none where nothing can.

    Raises:
        ConfigError, DataError: the index is damaged.
    """
    path = output / FOLDER / INDEX
    rows = read_json(path, LARGEST) if path.exists() else []
    if not isinstance(rows, list) or not all(_is_row(row) for row in rows):
        raise DataError(f"{path} is damaged. Delete {path.parent} and run again: samples of earlier windows are lost.")
    return rows


def _is_row(row: Any) -> bool:
    return isinstance(row, dict) and all(isinstance(row.get(key), kind) for key, kind in KINDS.items())


class SampleStore:
    """Holds the `most` samples of each kind that have the lowest lots; of earlier windows it knows the files."""

    def __init__(self, output: Path, most: int) -> None:
        self._folder, self._most = output / FOLDER, most
        self._rows = read_index(output)
        self._new: dict[str, Sample] = {}

    def offer(self, samples: Iterable[Sample]) -> None:
        """Take in samples where they have lower lots than those that are there."""
        for sample in samples:
            row = _row(sample)
            # an earlier try of this window may have listed it
            if all(row["file"] != one["file"] for one in self._rows):
                self._rows.append(row)
                self._new[row["file"]] = sample
        self._rows = self._chosen()
        files = {row["file"] for row in self._rows}
        self._new = {file: sample for file, sample in self._new.items() if file in files}

    def write(self) -> None:
        """Write the new files and the index, and remove files that were replaced."""
        # files before the index: it must never name one that is missing
        for file, sample in self._new.items():
            write_through(self._folder / file, partial(_write, sample))
        write_whole(self._folder / INDEX, json.dumps(self._rows, ensure_ascii=False, indent=1).encode())
        files = {row["file"] for row in self._rows}
        for path in self._folder.glob("*.flac"):
            if path.name not in files:
                path.unlink()

    def _chosen(self) -> list[dict[str, Any]]:
        kinds: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for row in self._rows:
            kinds.setdefault((row["stage"], row["reason"]), []).append(row)
        return [row for kind in sorted(kinds) for row in sorted(kinds[kind], key=lambda row: row["lot"])[: self._most]]


def _row(sample: Sample) -> dict[str, Any]:
    """What the index says of a sample; the file's name holds no reason, which may hold any letters."""
    return {
        "file": f"{sample.lot:08x}-{sample.clip}.flac",
        "lot": sample.lot,
        "stage": sample.stage,
        "reason": sample.reason,
        "clip": sample.clip,
        "text": sample.text if len(sample.text) <= LONGEST_TEXT else f"{sample.text[:LONGEST_TEXT]}…",
        "seconds": round(len(sample.wave) / sample.sample_rate, 2),
    }


def _write(sample: Sample, path: Path) -> None:
    write_sound(path, sample.wave, sample.sample_rate, "FLAC")
