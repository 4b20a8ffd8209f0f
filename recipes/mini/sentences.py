"""The sentences of the package hsk-sentences-audio, whose texts the teachers speak."""

from pathlib import Path
from typing import Any

from glmtts.config import read_json
from glmtts.errors import DataError

LARGEST = 64 << 20  # bytes


def read_sentences(path: Path) -> list[dict[str, Any]]:
    """The entries of a sentences.json, each with `chinese`, `tokens` (each with `word`) and perhaps `translation`.

    Raises:
        ConfigError: it is no JSON.
        DataError: an entry is no such one.
    """
    records: Any = read_json(path, LARGEST)
    for number, record in enumerate(records if isinstance(records, list) and records else [None], 1):
        told = isinstance(record, dict) and isinstance(record.get("chinese"), str)
        if not told or not isinstance(record.get("tokens", []), list):
            raise DataError(
                f"{path}: entry {number} has no text 'chinese'. Give sentences.json of hsk-sentences-audio."
            )
    return list(records)
