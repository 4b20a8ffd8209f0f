"""A line with what a system made of it: its recording, what a recogniser heard, and its scores."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from glmtts.audio.io import load_audio, read_audio
from glmtts.errors import AudioError, EvaluationError
from glmtts.eval.items import Item
from glmtts.eval.scorers import Clip

logger = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass
class Utterance:
    """`audio` is None where the system gave nothing, `error` says why. `hypothesis` is None until it was recognised.

    `seconds` is the length of the recording, `taken` the seconds of work on it (of a batch, its share).
    """

    item: Item
    audio: Path | None = None
    error: str | None = None
    seconds: float | None = None
    taken: float | None = None
    hypothesis: str | None = None
    scores: dict[str, float | None] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    def samples(self, rate: int) -> np.ndarray:
        """The samples (T,) of its recording at `rate` Hz.

        Raises:
            EvaluationError: there is none, or it cannot be read.
        """
        return self._read(lambda path: np.asarray(load_audio(path, rate)))

    def clip(self) -> Clip:
        """Its recording, prompt and reference for a scorer; what cannot be read of the last two is told, and is none.

        Raises:
            EvaluationError: there is no recording, or it cannot be read.
        """
        item = self.item
        prompt = _beside(f"{item.id}.prompt", item.prompt_audio, item.prompt_text or "", item)
        reference = _beside(f"{item.id}.reference", item.reference_audio, item.text, item)
        clip = self._read(lambda path: _clip(item.id, path, item.text, item))
        return replace(clip, hypothesis=self.hypothesis, prompt=prompt, reference=reference, labels=item.labels)

    def _read(self, read: Callable[[Path], T]) -> T:
        if self.audio is None:
            raise EvaluationError(f"'{self.item.id}' has no recording to judge.")
        try:
            return read(self.audio)
        except AudioError as error:
            # a finished chunk says that it was spoken
            raise EvaluationError(
                f"The recording of '{self.item.id}' is gone or damaged since it was made: {error} "
                "Or start the same command with --restart."
            ) from None


def _beside(name: str, path: Path | None, text: str, item: Item) -> Clip | None:
    """What a list gives beside the text: not every scorer asks for it, and one bad file must not end a run."""
    try:
        return None if path is None else _clip(name, path, text, item)
    except AudioError as error:
        _tell(str(error))
        return None


@cache
def _tell(sentence: str) -> None:
    logger.warning("%s Scores that need it are left out.", sentence)


def _clip(name: str, path: Path, text: str, item: Item) -> Clip:
    samples, rate = read_audio(path)
    return Clip(name, samples.numpy(), rate, text, item.language)
