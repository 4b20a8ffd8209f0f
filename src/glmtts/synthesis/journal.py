"""The unfinished reading of a long text on disk, from which a later run goes on."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from torch import Tensor

from glmtts.audio.io import new_audio
from glmtts.audio.provenance import synthetic_tags
from glmtts.errors import AudioError, ConfigError
from glmtts.synthesis.subtitles import Cue
from glmtts.synthesis.timing import Timed
from glmtts.text.frontend import Piece

BLOCK = 1 << 20


class Journal:
    """The unfinished reading in a folder: int16 samples, and what was spoken when."""

    def __init__(self, folder: Path, about: dict[str, Any], restart: bool) -> None:
        self.folder, self.rate = folder, about["rate"]
        self.cues: list[Cue] = []
        self._pieces: list[str] = []
        self._audio, self._lines = folder / "audio.raw", folder / "journal.jsonl"
        if restart:
            self.remove()
        header = json.dumps(about, sort_keys=True)
        if self._lines.exists():
            self._guarded(self._resume, header)
        else:
            self._guarded(self._begin, header)

    @property
    def samples(self) -> int:
        """Samples so far."""
        return round(self.cues[-1].line.end * self.rate) if self.cues else 0

    def _begin(self, header: str) -> None:
        self.folder.mkdir(exist_ok=True)
        self._audio.write_bytes(b"")
        self._lines.write_text(header + "\n", encoding="utf-8")

    def _resume(self, header: str) -> None:
        data = self._lines.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]  # what follows the last line end was cut off
        if not whole:
            self._begin(header)
            return
        first, *lines = whole.decode().split("\n")[:-1]
        if first != header:
            raise ConfigError(
                f"{self.folder} holds an unfinished reading with another voice, model or other settings. "
                "Go on with those, or start anew with --restart."
            )
        items = [json.loads(line) for line in lines]
        self._pieces = [item["piece"] for item in items]
        self.cues = [Cue(Timed(**item["line"]), [Timed(**word) for word in item["words"]]) for item in items]
        os.truncate(self._lines, len(whole))
        os.truncate(self._audio, 2 * self.samples)

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

    def add(self, piece: Piece, wave: Tensor, pauses: tuple[int, int], words: list[Timed]) -> None:
        """Append a piece: samples (T,) with silence before and after; the words' times count from the first sample."""
        start = (self.samples + pauses[0]) / self.rate
        samples = (np.pad(wave.clamp(-1, 1).numpy(), pauses) * 32767).astype("<i2")
        end = (self.samples + len(samples)) / self.rate
        moved = [Timed(word.text, round(start + word.start, 3), round(start + word.end, 3)) for word in words]
        cue = Cue(Timed(piece.written or piece.text, start, end), moved)
        line = json.dumps({"piece": piece.text, **asdict(cue)}, ensure_ascii=False) + "\n"
        self._guarded(self._append, samples.tobytes(), line)
        self.cues.append(cue)
        self._pieces.append(piece.text)

    def _append(self, samples: bytes, line: str) -> None:
        with self._audio.open("ab") as audio:
            audio.write(samples)
        with self._lines.open("a", encoding="utf-8") as lines:
            lines.write(line)

    def encode(self, out: Path, model: str) -> None:
        """Write the samples that `model` spoke to `out`, block by block; it appears whole or not at all."""
        self._guarded(self._encode, out, model)

    def _encode(self, out: Path, model: str) -> None:
        temporary = self.folder / f"encoded{out.suffix}"
        with new_audio(temporary, self.rate, synthetic_tags(model)) as file:
            for block in self._blocks():
                file.write(block)
        temporary.replace(out)

    def _blocks(self) -> Iterator[np.ndarray]:
        with self._audio.open("rb") as audio:
            while data := audio.read(2 * BLOCK):
                yield np.frombuffer(data, "<i2")

    def _guarded(self, action: Callable[..., None], *arguments: Any) -> None:
        try:
            action(*arguments)
        except (OSError, soundfile.LibsndfileError) as error:
            raise AudioError(
                f"{self.folder} cannot be written: {error}. Free some space and run the same command again."
            ) from None

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
