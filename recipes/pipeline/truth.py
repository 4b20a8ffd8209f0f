"""The truth of made recordings, and what of it a clip should say."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from metrics import to_frames

from glmtts.bundle import Bundle
from glmtts.data.pipeline.clips import Span
from glmtts.data.pipeline.stages.units import compared, error_rate
from glmtts.errors import DataError
from glmtts.programs import read_rows
from glmtts.text.normalise import normalise

COVERED = 0.5  # of a line's speech: then its words belong to a clip
CUT = 0.1, 0.9  # a share between these: a clip says a part of the line, and nobody knows which words


@dataclass(frozen=True)
class Recording:
    """One line of truth.jsonl."""

    row: dict[str, Any]

    @property
    def name(self) -> str:
        """The file without its suffix."""
        return str(Path(self.row["file"]).stem)

    @property
    def condition(self) -> str:
        """Such as "noise 5 dB"."""
        snr = self.row["snr"]
        return self.row["condition"] + ("" if snr is None else f" {snr:g} dB")

    def speakers(self, frames: int) -> np.ndarray:
        """Who speaks (S, F) bool, 100 frames a second."""
        names = sorted({turn["speaker"] for turn in self.row["turns"]})
        said = {
            name: [one for turn in self.row["turns"] if turn["speaker"] == name for one in turn["speech"]]
            for name in names
        }
        return np.stack([to_frames(said[name], frames) for name in names])

    def said_in(self, spans: Sequence[Span], rate: int) -> tuple[str, set[str], bool]:
        """The words of the lines that mostly lie in spans, who says them, and whether a line is cut."""
        texts, speakers, cut = [], set(), False
        for turn in self.row["turns"]:
            spoken = sum(end - start for start, end in turn["speech"])
            inside = sum(
                max(0.0, min(end, span.end / rate) - max(start, span.start / rate))
                for start, end in turn["speech"]
                for span in spans
            )
            cut = cut or CUT[0] < inside / spoken < CUT[1]
            if inside >= COVERED * spoken:
                texts.append(turn["text"])
                speakers.add(turn["speaker"])
        return (" " if self.row["language"] == "en" else "，").join(texts), speakers, cut


def read_truth(folder: Path) -> list[Recording]:
    """The readable recordings.

    Raises:
        DataError: there are none.
    """
    found = [Recording(row) for row in read_rows(folder / "truth.jsonl") if not row.get("corrupt")]
    if not found:
        raise DataError(f"{folder} has no recordings in a truth.jsonl. Make them with hard_hour.py.")
    return found


class TextErrors:
    """Errors of transcripts: words in English, syllables with their tones in Mandarin."""

    def __init__(self) -> None:
        self._frontend = Bundle.open().frontend()

    def units(self, text: str, language: str) -> list[str]:
        """What is compared."""
        if language == "en":
            return compared(text, language)
        spans = self._frontend.spans(normalise(text, language))
        return [span.pinyin or span.text.lower() for span in spans if span.pinyin or span.text.isalnum()]

    def __call__(self, heard: str, wanted: str, language: str) -> tuple[float, int]:
        """Edits and units wanted."""
        units = self.units(wanted, language)
        return error_rate(self.units(heard, language), units) * len(units), len(units)
