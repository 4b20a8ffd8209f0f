"""A folder of recordings, with or without texts, as the user has it."""

import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from glmtts.audio.io import AUDIO_SUFFIXES
from glmtts.config import parse_json
from glmtts.errors import VoiceError
from glmtts.options import LANGUAGES
from glmtts.places import anything_at, is_file
from glmtts.text.encodings import decoded
from glmtts.text.mandarin import CHINESE

INDEX, TEXT = "index.jsonl", ".txt"
TAGS = {"eng": "en", "cmn": "zh", "zho": "zh", "chi": "zh"}  # of ISO 639-2 and 639-3
PIECE_END, CLAUSE_END = re.compile(r"-\d{3,}$"), re.compile(r"\+\d+$")  # as takes.py names what is cut out
SHORTEST_PAUSE, FRAME = 0.2, 0.02  # seconds
SHOWN = 80  # characters of an id in a sentence
QUIET_DB = 35.0  # below the loud frames: what is quieter for so long is a pause


Line = tuple[Path, str | None, str | None]  # of an index: a file, its text and language


@dataclass(frozen=True)
class Recording:
    """One file, what is said in it (None where that is not known), and in which language.

    `id` is its path within the folder, without the ending where that leaves no two alike.
    """

    id: str
    path: Path
    text: str | None
    language: str | None


def find_recordings(folder: Path, language: str | None = None) -> list[Recording]:
    """The recordings of a folder, by name.

    `index.jsonl` lists them, a JSON object a line with `file` (or `id`), `text` and `lang`; without it every audio file
    counts, whose text is in a file of the same name that ends in .txt. `language` is that of texts that do not tell.

    Raises:
        VoiceError: there are none, or the folder or the index cannot be read, or a file is listed twice.
        TextError: the index or a text is in no encoding that is known.
    """
    index = folder / INDEX
    found = _listed(index, language) if is_file(index, VoiceError) else _beside(folder, language)
    if not found:
        raise VoiceError(f"{folder} holds no recordings. Put files there that end in {', '.join(AUDIO_SUFFIXES)}.")
    twice = [path for path, count in Counter(path for path, *_ in found).items() if count > 1]
    if twice:
        raise VoiceError(f"{index} lists {twice[0]} twice. Remove a line.")
    named = zip(_ids(folder, [path for path, *_ in found]), found, strict=True)
    return sorted((Recording(name, *line) for name, line in named), key=lambda recording: recording.id)


def _ids(folder: Path, paths: Iterable[Path]) -> list[str]:
    """A name for each file, no two alike, nor like those of pieces that are cut out of others (takes.py)."""
    within = [path.relative_to(folder) if path.is_relative_to(folder) else path for path in paths]
    whole = [_readable(path.as_posix()) for path in within]
    names = [_readable(path.with_suffix("").as_posix()) for path in within]
    # a name that grew may be like another's in its turn: until nothing changes
    while True:
        counts, known = Counter(names), set(names)
        alike = [counts[name] > 1 or _of_a_piece(name, known) for name in names]
        longer = [full if twin else name for name, full, twin in zip(names, whole, alike, strict=True)]
        if longer == names:
            return names
        names = longer


def _of_a_piece(name: str, known: set[str]) -> bool:
    """Whether a recording is called as a piece or a clause of another one would be."""
    whole = CLAUSE_END.sub("", name)
    return any(one != name and one in known for one in (whole, PIECE_END.sub("", whole)))


def _readable(name: str) -> str:
    """A file's name as text of one line: it may be none in UTF-8, or hold what a terminal would obey."""
    text = name.encode("utf-8", "backslashreplace").decode()
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def _listed(index: Path, language: str | None) -> list[Line]:
    found = []
    # not `splitlines`, which also cuts at U+2028 and others that a JSON string may hold
    for number, line in enumerate(_read(index).split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = parse_json(line)
            spoken = _language_of(record.get("lang"), f"{index}, line {number}") or language
            found.append((_audio_of(index.parent, record), *_text_of(record.get("text"), spoken)))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise VoiceError(f"{index}, line {number} is no JSON object with `file` and `text`. Correct it.") from None
    return found


def _language_of(tag: str | None, where: str) -> str | None:
    """`zh` or `en` of a language's tag such as en-US or cmn; None where none is given.

    Raises:
        VoiceError: it is another language, which the model would read as English.
    """
    if not tag:
        return None
    first = re.split("[-_]", tag.strip().lower())[0]
    known = TAGS.get(first, first)
    if known not in LANGUAGES:
        raise VoiceError(f"{where} has lang {tag[:SHOWN]!r}. Give zh or en, or leave the line out.")
    return known


def _read(path: Path) -> str:
    """A text in whatever encoding."""
    try:
        return decoded(path.read_bytes(), str(path))
    except OSError as error:
        raise VoiceError(f"{path} cannot be read: {error.strerror or error}. Make it readable.") from None


def _audio_of(folder: Path, record: dict[str, Any]) -> Path:
    if "file" in record:
        path = folder / record["file"]
        # opening such a path is a ValueError without a sentence; "." and "/" have no name at all
        if b"\0" in os.fsencode(path) or not Path(record["file"]).name:
            raise ValueError("no file can be called so")
        return path
    name = str(record["id"])
    found = [path for suffix in AUDIO_SUFFIXES if anything_at(path := folder / f"{name}{suffix}") and path.is_file()]
    if not found:  # also of an id that is too long for a name of a file
        raise VoiceError(f"{folder} holds no audio file called {name[:SHOWN]}. Give its name as `file`.")
    return found[0]


def _beside(folder: Path, language: str | None) -> list[Line]:
    try:
        # hidden ones are none: on disks of others macOS lays a file `._line1.wav` beside each, which is no audio
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise VoiceError(f"{folder} cannot be read: {error.strerror or error}. Give a folder of recordings.") from None
    # endings in whatever case, of texts as of audio: recorders and Windows write LINE1.WAV and LINE1.TXT
    texts = {path.stem: path for path in paths if path.suffix.lower() == TEXT and is_file(path, VoiceError)}
    found = []
    for path in paths:
        if path.suffix.lower() in AUDIO_SUFFIXES:
            text = _read(texts[path.stem]).strip() if path.stem in texts else None
            found.append((path, *_text_of(text, language)))
    return found


def _text_of(text: str | None, language: str | None) -> tuple[str | None, str | None]:
    """A text and its language, by its characters where that is not said."""
    if not text:
        return None, language
    text.encode("utf-8")  # half a surrogate pair, as JSON can have it: UnicodeEncodeError, a ValueError
    return text, language or ("zh" if CHINESE.search(text) else "en")


def cut_at_pauses(samples_T: Tensor, rate: int, longest: float) -> list[Tensor]:
    """Samples (T,) cut in the middle of pauses into pieces of at most `longest` seconds, where pauses allow it."""
    if len(samples_T) <= longest * rate:
        return [samples_T]
    ends, start, last = [], 0, 0
    for place in [*_pauses(samples_T, rate), len(samples_T)]:
        # at the last pause before it is too long; a piece without pauses stays whole, and serves for nothing (takes.py)
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
                # in the middle, so that both sides keep silence at their edges
                places.append((begun + number) // 2 * size)
            begun = None
    return places
