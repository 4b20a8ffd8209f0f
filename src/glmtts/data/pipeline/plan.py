"""How standardised sources become units of work: blocks of long ones, and short ones together.

A unit goes through all stages as one batch. What lies in it follows from the order of the sources and their lengths
alone, never from who is free: padding and batching change the last bits of a model's output, and with fixed batches a
run ends in the same bytes on any number of workers, and after any kill.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from glmtts.audio.io import read_span
from glmtts.data.pipeline.clips import Clip, Source, Span
from glmtts.data.pipeline.config import StandardiseSection
from glmtts.data.pipeline.stage import Decision
from glmtts.data.pipeline.standardise import Standardised, wav_path
from glmtts.errors import AudioError, DataError

FRAME_SECONDS = 0.1  # the quietest frame of this length is where a long source is cut
MOST_BLOCKS = 256  # of one unit, where they are short; a choice
STANDARDISE, DUPLICATE = "standardise", "duplicate"


@dataclass(frozen=True)
class Piece:
    """Samples from `start` up to `end` of a source, whose sound lies in the file with this number."""

    number: int
    source: Source
    start: int
    end: int


@dataclass(frozen=True)
class Unit:
    """What is worked on at a time; units of a window are numbered from 0."""

    number: int
    pieces: tuple[Piece, ...]


def to_json(unit: Unit) -> str:
    """A unit as text."""
    return json.dumps(asdict(unit))


def from_json(text: str) -> Unit:
    """A unit from what `to_json` gave."""
    values = json.loads(text)
    pieces = [Piece(one["number"], Source(**one["source"]), one["start"], one["end"]) for one in values["pieces"]]
    return Unit(values["number"], tuple(pieces))


def without_duplicates(given: Sequence[tuple[int, Standardised]], known: set[str]) -> list[tuple[int, Standardised]]:
    """The same, with all samples of a file dropped whose bytes came before; `known` grows by the new ones.

    A duplicate has an id of its own, so that its seconds are counted too.
    """
    seen = []
    for number, one in given:
        source = one.source
        if source.samples and source.id in known:
            # no digest holds a "~"
            fields = {**vars(source), "id": f"{source.id}~{number}"}
            # without its lost spans, which `refused` covers already
            seen.append((number, replace(one, source=Source(**fields), lost=(), refused=DUPLICATE)))
        else:
            known.add(source.id)
            seen.append((number, one))
    return seen


def drops_of(one: Standardised) -> list[Decision]:
    """What standardisation dropped of a source."""
    source = one.source
    if one.refused:
        whole = [Span(source.id, 0, source.samples)] if source.samples else []
        return [Decision(STANDARDISE, one.refused, False, span) for span in whole]
    return [Decision(STANDARDISE, lost.reason, False, Span(source.id, lost.start, lost.end)) for lost in one.lost]


def plan(given: Iterable[tuple[int, Standardised]], work: Path, section: StandardiseSection) -> list[Unit]:
    """The units of a window."""
    units: list[Unit] = []
    waiting: list[Piece] = []
    seconds = 0.0
    for number, one in given:
        for piece in _pieces(number, one, work, section):
            length = (piece.end - piece.start) / piece.source.sample_rate
            if waiting and (seconds + length > section.block_seconds or len(waiting) == MOST_BLOCKS):
                units.append(Unit(len(units), tuple(waiting)))
                waiting, seconds = [], 0.0
            waiting.append(piece)
            seconds += length
    return [*units, Unit(len(units), tuple(waiting))] if waiting else units


def _pieces(number: int, one: Standardised, work: Path, section: StandardiseSection) -> Iterator[Piece]:
    """The usable parts of a source, each no longer than a block."""
    if one.refused:
        return
    usable, last = [], 0
    for lost in one.lost:
        usable.append((last, lost.start))
        last = lost.end
    for start, end in [*usable, (last, one.source.samples)]:
        for low, high in _cut(wav_path(work, number), start, end, one.source.sample_rate, section):
            yield Piece(number, one.source, low, high)


def _cut(path: Path, start: int, end: int, rate: int, section: StandardiseSection) -> Iterator[tuple[int, int]]:
    longest, search = int(section.block_seconds * rate), int(section.search_seconds * rate)
    while end - start > longest:
        cut = start + longest
        if search:
            cut = _quietest(path, cut - search, cut, rate)
        yield start, cut
        start = cut
    if start < end:
        yield start, end


def _quietest(path: Path, start: int, end: int, rate: int) -> int:
    """The middle of the quietest frame between two samples of a file."""
    frame = max(1, int(FRAME_SECONDS * rate))
    wave = read_wave(path, start, end).astype(np.float64)
    frames = wave[: len(wave) // frame * frame].reshape(-1, frame)
    if not len(frames):
        return end
    # in the frame's middle, so that both sides begin and end quietly
    return start + int((frames**2).sum(axis=1).argmin()) * frame + frame // 2


def read_wave(path: Path, start: int, end: int) -> np.ndarray:
    """Samples from `start` up to `end` of a standardised file, float32.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        return read_span(path, start, end)
    except AudioError:  # whose advice is for a recording of the user's
        raise DataError(
            f"{path} cannot be read: it is missing, damaged or cut short. Delete {path.parent.parent} and run again."
        ) from None


def clips_of(unit: Unit, work: Path) -> list[Clip]:
    """The sound of a unit, a clip a piece, with what is known of the source as labels."""
    return [
        Clip(
            read_wave(wav_path(work, piece.number), piece.start, piece.end),
            piece.source.sample_rate,
            (Span(piece.source.id, piece.start, piece.end),),
            {**piece.source.labels, "native_rate": piece.source.native_rate},
        )
        for piece in unit.pieces
    ]
