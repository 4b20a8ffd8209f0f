"""PESQ, wide band (ITU-T P.862.2), against a reference in step with the clip."""

from collections.abc import Sequence
from typing import Any

from glmtts.backends import backend
from glmtts.errors import EvaluationError
from glmtts.eval.scorers.clip import Clip, Score

INSTALL = "pip install pesq (it builds with a C compiler)"
SAMPLE_RATE = 16000


class Pesq:
    """It takes no options."""

    name = "pesq"
    columns = ("pesq",)
    higher_is_better = {"pesq": True}
    stand_in_for = None

    def __init__(self) -> None:
        self.package: Any = backend("pesq", "The scorer 'pesq'", INSTALL, EvaluationError)

    def score(self, clips: Sequence[Clip]) -> list[Score]:
        """A listening quality of 1 to 4.6; None without a reference, or where no speech is found in either."""
        return [{"pesq": self._one(clip, clip.reference) if clip.reference else None} for clip in clips]

    def _one(self, clip: Clip, reference: Clip) -> float | None:
        wave, wanted = clip.at(SAMPLE_RATE), reference.at(SAMPLE_RATE)
        length = min(len(wave), len(wanted))
        try:
            return float(self.package.pesq(SAMPLE_RATE, wanted[:length], wave[:length], "wb"))
        except (self.package.PesqError, ValueError):  # too short, or no speech
            return None
