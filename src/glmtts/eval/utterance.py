"""A line with what a system made of it: its recording, what a recogniser heard, and its scores."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from glmtts.audio.io import read_audio
from glmtts.errors import EvaluationError
from glmtts.eval.items import Item
from glmtts.eval.scorers import Clip


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
        """Its recording, prompt and reference for a scorer.

        Raises:
            AudioError: a recording cannot be read.
            EvaluationError: there is none.
        """
        item = self.item
        prompt = _clip(f"{item.id}.prompt", item.prompt_audio, item.prompt_text or "", item)
        reference = _clip(f"{item.id}.reference", item.reference_audio, item.text, item)
        clip = _clip(item.id, self.audio, item.text, item)
        if clip is None:
            raise EvaluationError(f"'{item.id}' has no recording to score.")
        return replace(clip, hypothesis=self.hypothesis, prompt=prompt, reference=reference, labels=item.labels)


def _clip(name: str, path: Path | None, text: str, item: Item) -> Clip | None:
    if path is None:
        return None
    samples, rate = read_audio(path)
    return Clip(name, samples.numpy(), rate, text, item.language)
