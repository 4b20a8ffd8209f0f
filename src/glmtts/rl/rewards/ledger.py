"""What has been scored: a line for each answer, so that none is scored twice, whatever is killed and started again."""

import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

from glmtts.errors import RlError
from glmtts.rl.rewards.scores import LARGEST_SCORE


class Ledger:
    """Scores by the keys of answers, in memory and, where a path is given, in a file of JSON lines."""

    def __init__(self, path: Path | None = None) -> None:
        """Read what is there.

        Raises:
            RlError: the file cannot be read or written.
        """
        self.path, self._scores = path, dict[str, float]()
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._read(path)
            except OSError as error:
                raise self._failed(path, error) from None

    def _read(self, path: Path) -> None:
        """The scores of a file. Lines that a kill or a full disk cut are left out: their answers are scored again."""
        if not path.exists():
            return
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            os.truncate(path, len(whole))
        for line in whole.splitlines():
            try:
                row = json.loads(line)
                key, score = row["key"], float(row["score"])
                if abs(score) <= LARGEST_SCORE:  # neither NaN nor infinite, nor one that an earlier version took
                    self._scores[key] = score
            except (ValueError, KeyError, TypeError, OverflowError):
                continue

    def __contains__(self, key: str) -> bool:
        return key in self._scores

    def get(self, key: str) -> float | None:
        """The score of an answer; None where it has none."""
        return self._scores.get(key)

    def __len__(self) -> int:
        return len(self._scores)

    def add(self, key: str, score: float | None) -> None:
        """Keep a score; it is in the file before this returns. None and what is not finite are no scores: not kept.

        Raises:
            RlError: the file cannot be written, or the disk is full; what stood there before stays whole.
        """
        if score is None or not math.isfinite(score):
            return  # a reward that declines once is asked again when the answer comes again
        if self.path is not None:
            self._append(self.path, json.dumps({"key": key, "score": score}) + "\n")
        self._scores[key] = score

    def _append(self, path: Path, line: str) -> None:
        size = path.stat().st_size if path.exists() else 0
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            with suppress(OSError):  # else the next line would be joined to the half of this one
                os.truncate(path, size)
            raise self._failed(path, error) from None

    @staticmethod
    def _failed(path: Path, error: OSError) -> RlError:
        return RlError(f"{path} cannot keep scores: {error.strerror}. Free some space or choose another folder.")


def scored_by(kind: str, options: Mapping[str, Any], bundle: str = "") -> str:
    """A digest of all that decides a reward's scores besides the answer; a ledger is of one of these alone.

    `bundle` is a digest of the bundle whose models score, where the keys of answers do not hold it.
    """
    # as text where JSON has no such value: TOML's dates
    name = json.dumps([kind, options], sort_keys=True, default=str)
    return blake2b((name + bundle).encode(), digest_size=8).hexdigest()
