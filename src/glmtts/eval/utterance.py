"""A line with what a system made of it: its recording, what a recogniser heard, and its scores."""

import logging
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from glmtts.audio.io import read_audio
from glmtts.errors import AudioError, EvaluationError
from glmtts.eval.items import Item
from glmtts.eval.scorers import Clip

logger = logging.getLogger(__name__)


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

    def clip(self) -> Clip:
        """Its recording, prompt and reference for a scorer; what cannot be read of the last two is told, and is none.

        Raises:
            AudioError: the recording cannot be read.
            EvaluationError: there is none.
        """
        item = self.item
        prompt = _beside(f"{item.id}.prompt", item.prompt_audio, item.prompt_text or "", item)
        reference = _beside(f"{item.id}.reference", item.reference_audio, item.text, item)
        clip = _clip(item.id, self.audio, item.text, item)
        if clip is None:
            raise EvaluationError(f"'{item.id}' has no recording to score.")
        return replace(clip, hypothesis=self.hypothesis, prompt=prompt, reference=reference, labels=item.labels)


def _beside(name: str, path: Path | None, text: str, item: Item) -> Clip | None:
    """What a list gives beside the text: not every scorer asks for it, and one bad file must not end a run."""
    try:
        return _clip(name, path, text, item)
    except AudioError as error:
        _tell(str(error))
        return None


@cache
def _tell(sentence: str) -> None:
    logger.warning("%s Scores that need it are left out.", sentence)


def _clip(name: str, path: Path | None, text: str, item: Item) -> Clip | None:
    if path is None:
        return None
    samples, rate = read_audio(path)
    return Clip(name, samples.numpy(), rate, text, item.language)
