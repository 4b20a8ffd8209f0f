"""Standardisation (report, section 2.1): whatever FFmpeg reads becomes mono float32 WAV at the pipeline's rate.

It is written block by block, so that ten hours take no more memory than one. RF64, as plain WAV ends at 4 GiB.
"""

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import soxr

from glmtts.config import read_json
from glmtts.data.pipeline.clips import Source
from glmtts.data.pipeline.decode import Block, Decoder, unreadable
from glmtts.data.pipeline.inputs import NO_FILE, OUTSIDE, Entry, seen
from glmtts.data.pipeline.sound import sound_file
from glmtts.data.pipeline.store import write_through, write_whole
from glmtts.errors import DataError

TOO_LONG = "longer than max_hours"
CHANGING = "changed while it was read"
DIGITS = 16  # of the sha256 that names a source: two of a thousand million sources share them once in 40
SHORT = 0.02  # the share by which a head may overstate a length; MP3 without a count of frames estimates it


@dataclass(frozen=True)
class Lost:
    """Samples from `start` up to `end` that cannot be used, and why."""

    start: int
    end: int
    reason: str


@dataclass(frozen=True)
class Standardised:
    """What became of a given file: a source with its `lost` spans, or `refused`, a reason, with no samples at all.

    `note` says what else is odd, such as a head that promises more than there is; `spent` is how many seconds
    it took by the clock, `cpu` how many of this process' CPU.
    """

    source: Source
    lost: tuple[Lost, ...] = ()
    refused: str = ""
    note: str = ""
    spent: float = 0.0
    cpu: float = 0.0


def wav_path(work: Path, number: int) -> Path:
    """Where the standardised sound of the file with this number lies."""
    return work / "wav" / f"{number:08d}.wav"


def standardise(folder: Path, entry: Entry, number: int, work: Path, rate: int, max_hours: float) -> Standardised:
    """Read one file into `work`; one that is there already is not read again.

    Raises:
        OSError: the disk does not take it.
    """
    facts = wav_path(work, number).with_suffix(".json")
    # the facts are written after the sound: where they are, both are whole
    if not facts.exists():
        started, cpu = time.perf_counter(), time.process_time()
        now = seen(folder.resolve(), entry)
        if now.refused in (OUTSIDE, NO_FILE):  # since it was listed, a pipe or a link may have taken its place
            entry = now
        done = _read(folder / entry.path, entry, wav_path(work, number), rate, max_hours)
        done = replace(done, spent=time.perf_counter() - started, cpu=time.process_time() - cpu)
        write_whole(facts, json.dumps(asdict(done), allow_nan=False).encode())
    return read_standardised(facts)


def read_standardised(facts: Path) -> Standardised:
    """What `standardise` wrote.

    Raises:
        ConfigError, DataError: the file is missing or damaged.
    """
    values = read_json(facts, 1 << 28)
    try:
        source, lost = Source(**values.pop("source")), tuple(Lost(**one) for one in values.pop("lost"))
        return Standardised(source, lost, **values)
    except (KeyError, TypeError, AttributeError):
        raise DataError(f"{facts} is damaged. Delete {facts.parent} and run again.") from None


def _read(path: Path, entry: Entry, wav: Path, rate: int, max_hours: float) -> Standardised:
    nothing = Source("", _shown(entry.path), rate, 0, labels=entry.labels)
    if entry.refused:
        return Standardised(nothing, refused=entry.refused)
    try:
        before, digest = _stamp(path), _digest(path)
        with Decoder(path) as decoder:
            written = _written(decoder, wav, rate, int(max_hours * 3600 * rate))
            # by FFmpeg, or by the head of a WAV, which FFmpeg corrects without a word
            declared = max(decoder.declared_seconds, written.samples / rate * _promised(path))
        if _stamp(path) != before:  # the digest names other bytes than those that were decoded
            raise DataError(CHANGING)
    except DataError as error:
        return Standardised(nothing, refused=str(error))
    if not written.samples:
        return Standardised(nothing, refused="no samples in it")
    source = Source(
        id=digest,
        path=_shown(entry.path),
        sample_rate=rate,
        samples=written.samples,
        native_rate=decoder.rate,
        channels=decoder.channels,
        codec=decoder.codec,
        labels=entry.labels,
    )
    short = declared - source.seconds > max(1.0, SHORT * declared) and not written.too_long
    notes = [f"cut short: its head promises {declared:.1f} s"] if short else []
    if decoder.streams > 1:
        notes.append(f"the first of {decoder.streams} audio streams")
    return Standardised(source, written.lost(), note="; ".join(notes))


@dataclass
class _Written:
    """Samples written, and the lost spans in samples of the file's own rate."""

    native_rate: int
    rate: int
    native: int = 0
    samples: int = 0
    too_long: bool = False
    spans: list[Lost] = field(default_factory=list)

    def lose(self, block: Block) -> None:
        """Note a lost block that starts here; it joins the one before where they touch."""
        last = self.spans[-1] if self.spans else None
        if last and last.end == self.native and last.reason == block.reason:
            self.spans[-1] = Lost(last.start, self.native + block.lost, block.reason)
        else:
            self.spans.append(Lost(self.native, self.native + block.lost, block.reason))

    def lost(self) -> tuple[Lost, ...]:
        """The lost spans at the pipeline's rate, whole samples outwards."""
        if self.too_long:
            return (Lost(0, self.samples, TOO_LONG),)
        found, last = [], 0
        for one in self.spans:
            # rounding outwards may let two neighbours meet, and a sample is dropped once
            start = max(one.start * self.rate // self.native_rate, last)
            end = min(-(-one.end * self.rate // self.native_rate), self.samples)
            if start < end:
                found.append(Lost(start, end, one.reason))
                last = end
        return tuple(found)


def _written(decoder: Decoder, wav: Path, rate: int, most: int) -> _Written:
    written = _Written(decoder.rate, rate)
    write_through(wav, lambda part: _write(decoder, part, rate, most, written))
    return written


def _write(decoder: Decoder, part: Path, rate: int, most: int, written: _Written) -> None:
    convert = soxr.ResampleStream(decoder.rate, rate, 1, dtype="float32")
    with sound_file(part, rate, "FLOAT", "RF64") as file:
        for block in decoder.blocks():
            if block.lost:
                written.lose(block)
            written.native += block.samples
            for wave in _sound(block, decoder.rate):
                made = convert.resample_chunk(wave)
                file.write(made)
                written.samples += len(made)
            written.too_long = written.samples > most
            # what was written stays the source, all of it dropped and counted
            if written.too_long:
                break
        # what the resampler's filter still holds
        made = convert.resample_chunk(np.zeros(0, np.float32), last=True)
        file.write(made)
        written.samples += len(made)


def _sound(block: Block, rate: int) -> Iterator[np.ndarray]:
    """The samples of a block; silence for what is lost, a second at a time."""
    if not block.lost:
        yield block.wave
    for start in range(0, block.lost, rate):
        yield np.zeros(min(rate, block.lost - start), np.float32)


def _promised(path: Path) -> float:
    """How many times its bytes a WAV file promises; 1 for others. FFmpeg corrects such heads in silence."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
        size = path.stat().st_size
    except OSError as error:
        raise unreadable(error) from None
    promised = int.from_bytes(head[4:8], "little")
    streamed = promised in (0, 0xFFFFFFFF)  # written without knowing the end
    if head[:4] != b"RIFF" or head[8:] != b"WAVE" or streamed:
        return 1.0
    return max(1.0, promised / max(size, 1))


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:DIGITS]
    except OSError as error:
        raise unreadable(error) from None


def _stamp(path: Path) -> tuple[int, int, int]:
    """What differs of a file that was written to, or replaced, since."""
    try:
        said = path.stat()
    except OSError as error:
        raise unreadable(error) from None
    return said.st_ino, said.st_size, said.st_mtime_ns


def _shown(path: str) -> str:
    """A path as text; bytes that are not UTF-8 become escapes, which JSON and Parquet can hold."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")
