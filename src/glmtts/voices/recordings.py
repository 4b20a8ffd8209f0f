"""A folder of recordings, with or without texts, as the user has it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from glmtts.errors import VoiceError
from glmtts.text.mandarin import CHINESE

INDEX = "index.jsonl"
SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3")
SHORTEST_PAUSE, FRAME = 0.2, 0.02  # seconds
QUIET_DB = 35.0  # below the loud frames: what is quieter for so long is a pause


@dataclass(frozen=True)
class Recording:
    """One file, what is said in it (None where that is not known), and in which language."""

    id: str
    path: Path
    text: str | None
    language: str | None


def find_recordings(folder: Path, language: str | None = None) -> list[Recording]:
    """The recordings of a folder, by name.

    `index.jsonl` lists them, a JSON object a line with `file` (or `id`), `text` and `lang`; without it every audio file
    counts, whose text is in a file of the same name that ends in .txt. `language` is that of texts that do not tell.

    Raises:
        VoiceError: there are none, or the index cannot be read.
    """
    index = folder / INDEX
    found = _listed(index, language) if index.is_file() else _beside(folder, language)
    if not found:
        raise VoiceError(f"{folder} holds no recordings. Put files there that end in {', '.join(SUFFIXES)}.")
    return sorted(found, key=lambda recording: recording.id)


def _listed(index: Path, language: str | None) -> list[Recording]:
    found = []
    for number, line in enumerate(index.read_text(encoding="utf-8").splitlines(), 1):
        try:
            record = json.loads(line)
            path = _audio_of(index.parent, record)
            found.append(Recording(path.stem, path, *_text_of(record.get("text"), record.get("lang") or language)))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise VoiceError(f"{index}, line {number} is no JSON object with `file` and `text`. Correct it.") from None
    return found


def _audio_of(folder: Path, record: dict[str, Any]) -> Path:
    if "file" in record:
        return folder / record["file"]
    found = [path for suffix in SUFFIXES if (path := folder / f"{record['id']}{suffix}").is_file()]
    if not found:
        raise VoiceError(f"{folder} holds no audio file called {record['id']}. Give its name as `file`.")
    return found[0]


def _beside(folder: Path, language: str | None) -> list[Recording]:
    found = []
    for path in sorted(folder.glob("*")):
        if path.suffix.lower() in SUFFIXES:
            written = path.with_suffix(".txt")
            text = written.read_text(encoding="utf-8").strip() if written.is_file() else None
            found.append(Recording(path.stem, path, *_text_of(text, language)))
    return found


def _text_of(text: str | None, language: str | None) -> tuple[str | None, str | None]:
    """A text and its language, by its characters where that is not said."""
    if not text:
        return None, language
    return text, language or ("zh" if CHINESE.search(text) else "en")


def cut_at_pauses(samples_T: Tensor, rate: int, longest: float) -> list[Tensor]:
    """Samples (T,) cut in the middle of pauses into pieces of at most `longest` seconds, where pauses allow it."""
    if len(samples_T) <= longest * rate:
        return [samples_T]
    ends, start, last = [], 0, 0
    for place in [*_pauses(samples_T, rate), len(samples_T)]:
        if place - start > longest * rate and last > start:
            ends.append(last)
            start = last
        last = place
    return [piece for piece in samples_T.tensor_split(ends) if len(piece)]


def quiet_frames(samples_T: Tensor, rate: int) -> Tensor:
    """Which frames of `FRAME` seconds are pauses, (N,) bool."""
    size = int(FRAME * rate)
    level_N = samples_T[: len(samples_T) // size * size].view(-1, size).square().mean(1).clamp(min=1e-12).log10() * 10
    # relative to the loud frames, since recordings differ in level
    return level_N < level_N.quantile(0.9) - QUIET_DB


def _pauses(samples_T: Tensor, rate: int) -> list[int]:
    """Samples in the middle of each pause."""
    size, quiet_N = int(FRAME * rate), quiet_frames(samples_T, rate).tolist()
    places, begun = [], None
    # the last False ends a pause that runs to the end
    for number, quiet in enumerate([*quiet_N, False]):
        if quiet and begun is None:
            begun = number
        elif not quiet and begun is not None:
            if (number - begun) * FRAME >= SHORTEST_PAUSE:
                places.append((begun + number) // 2 * size)
            begun = None
    return places
