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

FOLDER, INDEX = "samples", "index.json"


class SampleStore:
    """Holds the `most` samples of each kind that have the lowest lots; of earlier windows it knows the files."""

    def __init__(self, output: Path, most: int) -> None:
        self._folder, self._most = output / FOLDER, most
        index = self._folder / INDEX
        self._rows: list[dict[str, Any]] = read_json(index) if index.exists() else []
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
        "text": sample.text,
        "seconds": round(len(sample.wave) / sample.sample_rate, 2),
    }


def _write(sample: Sample, path: Path) -> None:
    write_sound(path, sample.wave, sample.sample_rate, "FLAC")
