"""The unfinished reading of a long text on disk, from which a later run goes on.

A piece is on the disk before it counts as read: its samples first, then its line. So a power cut loses the piece that
was being written. Files that something else changed are noticed: lost samples are read again, what makes no sense is
refused. `alone_in` keeps a second run out while one writes.
"""

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import soundfile
from pydantic import Field, ValidationError
from torch import Tensor

from glmtts import durable
from glmtts.audio.io import new_audio, unwritable
from glmtts.audio.provenance import synthetic_tags
from glmtts.config import StrictConfig
from glmtts.errors import AudioError, ConfigError
from glmtts.synthesis.preparing import plain_text
from glmtts.synthesis.segment import EarlierPiece
from glmtts.synthesis.subtitles import Cue
from glmtts.synthesis.timing import Timed
from glmtts.text.frontend import Piece

logger = logging.getLogger(__name__)
BLOCK = 1 << 20
LONGEST = 1e7  # seconds; four months
LOCK_FILE = ".lock"


class _Stretch(StrictConfig):
    """`Timed` as a line of the journal holds it."""

    text: str
    start: float = Field(ge=0, le=LONGEST)
    end: float = Field(ge=0, le=LONGEST)

    def timed(self) -> Timed:
        return Timed(self.text, self.start, self.end)


class _Earlier(StrictConfig):
    """`EarlierPiece` as a line of the journal holds it."""

    hybrid: str
    phonemes: list[str]
    tokens: list[Annotated[int, Field(ge=0)]]

    def piece(self) -> EarlierPiece:
        return EarlierPiece(self.hybrid, self.phonemes, self.tokens)


class _Entry(StrictConfig):
    """A line of the journal: a piece that was read."""

    piece: str
    line: _Stretch
    words: list[_Stretch]
    earlier: _Earlier | None = None

    def cue(self) -> Cue:
        return Cue(self.line.timed(), [word.timed() for word in self.words])


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder of a reading: two runs that append to the same samples would mix them unseen.

    Raises:
        ConfigError: another run holds it.
        AudioError: the folder cannot be written.
    """
    taken = ConfigError(f"Another run is reading into {folder}. Wait for it, or choose another name for the output.")
    try:
        with ExitStack() as held:
            try:
                folder.mkdir(exist_ok=True)
                held.enter_context(durable.alone(folder / LOCK_FILE, taken))
            except OSError as error:
                raise _unwritable(folder, error) from None
            yield
    finally:
        with suppress(OSError):  # an unfinished reading lies there, or the folder is gone
            if durable.WINDOWS:  # which deletes no open file
                (folder / LOCK_FILE).unlink(missing_ok=True)
            folder.rmdir()


class Journal:
    """The unfinished reading in a folder, which `alone_in` holds: int16 samples, and what was spoken when."""

    def __init__(self, folder: Path, about: dict[str, Any], restart: bool) -> None:
        self.folder, self.rate = folder, about["rate"]
        self.cues: list[Cue] = []
        self.earlier: list[EarlierPiece] = []  # of an earlier run: what its last pieces are continued from
        self._pieces: list[str] = []
        self._audio, self._lines = folder / "audio.raw", folder / "journal.jsonl"
        if restart:
            self._guarded(self._forget)
        header = json.dumps(about, sort_keys=True)
        if self._lines.exists():
            self._guarded(self._resume, header)
        else:
            self._guarded(self._begin, header)

    @property
    def samples(self) -> int:
        """Samples so far."""
        return round(self.cues[-1].line.end * self.rate) if self.cues else 0

    def _forget(self) -> None:
        """Delete what an earlier run left, but for the lock of this one."""
        for path in (self._audio, self._lines):
            shutil.rmtree(path, ignore_errors=True)  # where it is a folder
            path.unlink(missing_ok=True)

    def _begin(self, header: str) -> None:
        self.folder.mkdir(exist_ok=True)
        self._audio.write_bytes(b"")
        self._lines.write_text(header + "\n", encoding="utf-8", newline="\n")
        for path in (self._audio, self._lines, self.folder, self.folder.parent):
            durable.sync(path)

    def _resume(self, header: str) -> None:
        data = self._lines.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]  # what follows the last line end was cut off
        if not whole:
            self._begin(header)
            return
        first, *lines = whole.split(b"\n")[:-1]
        if first != header.encode():
            raise ConfigError(
                f"{self.folder} holds an unfinished reading with another voice, model or other settings. "
                "Go on with those, or start anew with --restart."
            )
        entries = self._with_audio(self._entries(lines))
        self._pieces, self.cues = [entry.piece for entry in entries], [entry.cue() for entry in entries]
        self.earlier = [entry.earlier.piece() for entry in entries if entry.earlier is not None]
        # both files end where they agree, since `add` appends: the cut line and pieces without samples are gone
        os.truncate(self._lines, sum(len(line) + 1 for line in (first, *lines[: len(entries)])))
        os.truncate(self._audio, 2 * self.samples)

    def _entries(self, lines: list[bytes]) -> list[_Entry]:
        """What the lines say. Raises ConfigError where that makes no sense."""
        try:
            entries = [_Entry.model_validate_json(line) for line in lines]
            times = [time for entry in entries for time in (entry.line.start, entry.line.end)]
        except ValidationError:
            times = [1.0, 0.0]  # not in order: refused below
        if times != sorted(times):
            raise ConfigError(f"{self._lines} is damaged. Start anew with --restart.")
        return entries

    def _with_audio(self, entries: list[_Entry]) -> list[_Entry]:
        """Those whose samples are there; the others are read again."""
        held = self._audio.stat().st_size // 2 if self._audio.exists() else 0
        whole = [entry for entry in entries if round(entry.line.end * self.rate) <= held]
        if not self._audio.exists():
            self._audio.write_bytes(b"")
        if len(whole) < len(entries):
            logger.warning("%s lost samples: %d pieces are read again.", self._audio, len(entries) - len(whole))
        return whole

    def expect(self, number: int, piece: str) -> None:
        """Raises ConfigError where the piece that was read before is not this one."""
        if self._pieces[number] != piece:
            self._refuse()

    def expect_no_more_than(self, pieces: int) -> None:
        """Raises ConfigError where an earlier run read more than the text has."""
        if len(self.cues) > pieces:
            self._refuse()

    def _refuse(self) -> None:
        raise ConfigError(f"{self.folder} holds an unfinished reading of another text. Start anew with --restart.")

    def add(
        self,
        piece: Piece,
        wave: Tensor,
        pauses: tuple[int, int],
        words: list[Timed],
        earlier: EarlierPiece | None = None,
    ) -> None:
        """Append a piece: samples (T,) with silence before and after; the words' times count from the first sample.

        `earlier` is what the pieces that follow continue (history.py).
        """
        start = (self.samples + pauses[0]) / self.rate
        samples = (np.pad(wave.clamp(-1, 1).numpy(), pauses) * 32767).astype("<i2")
        end = (self.samples + len(samples)) / self.rate
        moved = [
            Timed(plain_text(word.text), round(start + word.start, 3), round(start + word.end, 3)) for word in words
        ]
        cue = Cue(Timed(plain_text(piece.source or piece.written or piece.text), start, end), moved)
        continued = {} if earlier is None else {"earlier": asdict(earlier)}
        line = json.dumps({"piece": piece.text, **asdict(cue), **continued}, ensure_ascii=False) + "\n"
        self._guarded(self._append, samples.tobytes(), line)
        self.cues.append(cue)
        self._pieces.append(piece.text)

    def _append(self, samples: bytes, line: str) -> None:
        # samples first: a line says that its samples are on the disk
        for path, data in ((self._audio, samples), (self._lines, line.encode())):
            with path.open("ab") as file:
                file.write(data)
            durable.sync(path)

    def encode(self, out: Path, model: str) -> None:
        """Write the samples that `model` spoke to `out`, block by block; it appears whole or not at all."""
        self._guarded(self._encode, out, model)

    def _encode(self, out: Path, model: str) -> None:
        temporary = self.folder / f"encoded{out.suffix}"
        with new_audio(temporary, self.rate, self.samples, synthetic_tags(model)) as file:
            for block in self._blocks():
                file.write(block)
        durable.replace(temporary, out)

    def _blocks(self) -> Iterator[np.ndarray]:
        left = 2 * self.samples  # bytes; what another program appended is not ours
        with self._audio.open("rb") as audio:
            while data := audio.read(min(left, 2 * BLOCK)):
                left -= len(data)
                yield np.frombuffer(data, "<i2")

    def _guarded(self, action: Callable[..., None], *arguments: Any) -> None:
        try:
            action(*arguments)
        except (OSError, soundfile.LibsndfileError) as error:
            raise _unwritable(self.folder, error) from None

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _unwritable(folder: Path, error: Exception) -> AudioError:
    return unwritable(folder, error, "Free some space and run the same command again.")
