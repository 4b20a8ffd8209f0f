"""What scorers take and give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import soxr

from glmtts.audio.bounds import all_finite
from glmtts.errors import EvaluationError
from glmtts.eval.foreign import numbers_of

Score = dict[str, float | None]  # a value a column; None where the clip lacks what the scorer needs


def checked(score: Mapping[str, Any], columns: Sequence[str]) -> Score:
    """A scorer's values of its columns as plain numbers, None for what is not finite.

    Raises:
        TypeError, ValueError, OverflowError: a value is no number, or a column has none, not even None.
    """
    if lacks := [column for column in columns if column not in score]:
        raise ValueError(f"a score has no '{lacks[0]}', which is one of the scorer's columns")
    return numbers_of({column: score[column] for column in columns})


@dataclass(frozen=True, eq=False)
class Clip:
    """One utterance to be scored.

    Attributes:
        id: names the utterance.
        wave: mono samples (samples,), float32.
        sample_rate: Hz.
        text: what was to be said.
        language: "zh" or "en".
        hypothesis: what the scorer's own recogniser heard, where that is known already.
        prompt: the recording whose voice was to be taken.
        reference: a recording of the same words, in step with `wave` (copy synthesis).
        labels: what else the utterance was to be, such as {"emotion": "happy"}.
    """

    id: str
    wave: np.ndarray
    sample_rate: int
    text: str
    language: str
    hypothesis: str | None = None
    prompt: Clip | None = None
    reference: Clip | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not all_finite(self.wave):
            raise EvaluationError(f"Clip '{self.id}' holds samples that are not numbers. Make or export it again.")
        if self.wave.ndim != 1 or self.wave.dtype != np.float32 or self.sample_rate <= 0:
            raise EvaluationError(
                f"Clip '{self.id}' has samples of shape {self.wave.shape}, {self.wave.dtype}, at "
                f"{self.sample_rate} Hz; give mono float32 samples (samples,) and their rate."
            )

    @property
    def seconds(self) -> float:
        """Length of the audio."""
        return len(self.wave) / self.sample_rate

    def at(self, rate: int) -> np.ndarray:
        """The samples at another rate, float32."""
        if rate == self.sample_rate:
            return self.wave
        resampled: np.ndarray = soxr.resample(self.wave, self.sample_rate, rate)
        return resampled.astype(np.float32, copy=False)


class Scorer(Protocol):
    """A metric, called on clips in this process.

    A scorer is deterministic: a clip's score does not depend on the clips beside it nor on earlier calls, but for the
    last digits of floating point. It may be called from several threads at once.

    Attributes:
        name: as in a VERSA configuration where VERSA has the metric, so that its users feel at home.
        columns: the keys of every score.
        higher_is_better: for each column that has a better and a worse; a column that only describes is left out.
        stand_in_for: what the protocols name instead of this scorer ("WavLM-large"), to be told in a report's head.
    """

    name: str
    columns: tuple[str, ...]
    higher_is_better: Mapping[str, bool]
    stand_in_for: str | None

    def score(self, clips: Sequence[Clip]) -> list[Score]:
        """One score a clip, in order; None for a column where a clip lacks what the scorer needs."""
        ...
