"""Pitch against a reference in step with the clip: error and correlation of F0, and agreement on what is voiced."""

from collections.abc import Sequence

import numpy as np
import torch

from glmtts.audio.f0 import estimate_f0
from glmtts.errors import EvaluationError, TrainingError
from glmtts.eval.scorers.clip import Clip, Score

SAMPLE_RATE, FRAMES_PER_SECOND = 16000, 100
FEWEST_FRAMES = 3  # voiced in both; fewer say nothing


class F0:
    """It takes no options. F0 is DIO's with StoneMask (Morise et al.), 100 values a second."""

    name = "mcd_f0"
    columns = ("f0_rmse", "f0_corr", "voicing_f1")
    higher_is_better = {"f0_rmse": False, "f0_corr": True, "voicing_f1": True}
    stand_in_for = None

    def __init__(self) -> None:
        try:
            # pyworld is imported at the first call: without it a run must not begin
            estimate_f0(torch.zeros(SAMPLE_RATE), SAMPLE_RATE, FRAMES_PER_SECOND)
        except TrainingError:
            raise EvaluationError(
                "The scorer 'f0' needs pyworld. Install it with: pip install 'glm-tts[eval]'"
            ) from None

    def score(self, clips: Sequence[Clip]) -> list[Score]:
        """Root mean square error in Hz and correlation over frames voiced in both, F1 of voiced frames.

        None without a reference, and for F0 where fewer than 3 frames are voiced in both.
        """
        return [self._one(clip, clip.reference) if clip.reference else dict.fromkeys(self.columns) for clip in clips]

    def _one(self, clip: Clip, reference: Clip) -> Score:
        if min(clip.seconds, reference.seconds) < 0.1:
            return dict.fromkeys(self.columns)
        heard, wanted = (
            estimate_f0(torch.from_numpy(one.at(SAMPLE_RATE)), SAMPLE_RATE, FRAMES_PER_SECOND).numpy()
            for one in (clip, reference)
        )
        frames = min(len(heard), len(wanted))
        return compared(heard[:frames], wanted[:frames])


def compared(heard: np.ndarray, wanted: np.ndarray) -> Score:
    """The columns of two contours (frames,) in Hz, 0 where unvoiced."""
    both = (heard > 0) & (wanted > 0)
    voiced = int((heard > 0).sum() + (wanted > 0).sum())
    # F1 of the voiced frames: 2 TP / (2 TP + FP + FN)
    score: Score = {"f0_rmse": None, "f0_corr": None, "voicing_f1": 2 * int(both.sum()) / voiced if voiced else None}
    if both.sum() >= FEWEST_FRAMES:
        score["f0_rmse"] = float(np.sqrt(np.mean((heard[both] - wanted[both]) ** 2)))
        # the correlation with a constant is 0 / 0
        if min(heard[both].std(), wanted[both].std()) > 1e-6:
            score["f0_corr"] = float(np.corrcoef(heard[both], wanted[both])[0, 1])
    return score
