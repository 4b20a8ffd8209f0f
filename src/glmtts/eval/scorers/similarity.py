"""What speaker scorers share: the cosine between embeddings of a clip and of the prompt whose voice it was to take."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from glmtts.eval.scorers.clip import Clip, Score

SAMPLE_RATE = 16000
SHORTEST_SECONDS = 0.4  # a word; less says little of a speaker


class SpeakerScorer:
    """A scorer with one column, `spk_similarity_…`; derived classes give `embed`.

    A prompt that several clips of a call share is embedded once.
    """

    name: str = "speaker"  # VERSA's key for every speaker encoder
    stand_in_for: str | None = None
    column: ClassVar[str]

    @property
    def columns(self) -> tuple[str, ...]:
        """The one column."""
        return (self.column,)

    @property
    def higher_is_better(self) -> Mapping[str, bool]:
        """A higher cosine is better."""
        return {self.column: True}

    def embed(self, wave: np.ndarray) -> np.ndarray:
        """The embedding (D,) of 16 kHz samples (samples,), of any length."""
        raise NotImplementedError

    def score(self, clips: Sequence[Clip]) -> list[Score]:
        """The cosine, −1 to 1; None without a prompt, or where either is shorter than 0.4 s."""
        prompts: dict[int, np.ndarray] = {}
        return [{self.column: self._similarity(clip, prompts)} for clip in clips]

    def _similarity(self, clip: Clip, prompts: dict[int, np.ndarray]) -> float | None:
        prompt = clip.prompt
        if prompt is None or min(clip.seconds, prompt.seconds) < SHORTEST_SECONDS:
            return None
        # an id serves as key within one call, whose clips keep their samples alive
        key = id(prompt.wave)
        if key not in prompts:
            prompts[key] = unit(self.embed(prompt.at(SAMPLE_RATE)))
        return float(unit(self.embed(clip.at(SAMPLE_RATE))) @ prompts[key])


def unit(vector: np.ndarray) -> np.ndarray:
    """The vector with a length of 1, float64."""
    wide = vector.astype(np.float64)
    return wide / max(float(np.linalg.norm(wide)), 1e-12)
