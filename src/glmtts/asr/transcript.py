"""What a recogniser takes and gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Word:
    """A word, or a character of Mandarin, and when it is spoken, in seconds from the start of its recording."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Transcript:
    """What was heard in one recording.

    `confidence` is the geometric mean of the tokens' probabilities, 0 to 1, where the backend tells it. `language` is
    the one asked for or, where none was, the one heard ("" where the backend cannot tell).
    """

    text: str
    language: str
    words: tuple[Word, ...] = ()
    confidence: float | None = None


@dataclass(frozen=True)
class AsrSettings:
    """How a recogniser runs; the arguments of `glmtts.asr.load`."""

    device: str = "cpu"
    word_times: bool = False
    local_only: bool = False
    threads: int = 0


class SpeechRecogniser(Protocol):
    """Recordings to texts. The same recording gives the same text, whatever is transcribed beside it."""

    name: str

    def transcribe(self, waves: Sequence[np.ndarray], language: str | None) -> list[Transcript]:
        """One transcript a wave.

        Args:
            waves: 16 kHz mono float32, each (samples,), of any length; an empty one has the empty text.
            language: "zh", "en" or another code of the backend's; None to find out, a recording at a time.

        Raises:
            AsrError: the recogniser does not speak the language.
        """
        ...
