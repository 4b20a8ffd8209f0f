"""Emotion by a small classifier on Whisper's hidden states, trained by recipes/scorers/emotion.

Its weights are not part of this package: RAVDESS, on which the recipe trains, is for non-commercial use.
"""

from collections.abc import Sequence
from pathlib import Path

import torch

from glmtts.errors import EvaluationError
from glmtts.eval.scorers.clip import Clip, Score
from glmtts.eval.scorers.emotion2vec import emotion_columns
from glmtts.eval.scorers.networks.emotion import EmotionClassifier
from glmtts.eval.scorers.networks.whisper_states import SAMPLE_RATE

SHORTEST_SECONDS = 0.2


class Emotion:
    """Options: `weights`, the file that the recipe writes; `device`. A clip's label `emotion` is what it was to be.

    Its columns are by the labels of the weights.
    """

    name = "emotion"
    higher_is_better = {"emotion_target": True, "emotion_hit": True}
    stand_in_for = "emotion2vec"

    def __init__(self, weights: str | Path | None = None, device: str = "cpu") -> None:
        if weights is None:
            raise EvaluationError(
                "The scorer 'emotion' needs weights: train them as recipes/scorers/emotion/README.md says, and give "
                "their path as the option 'weights'."
            )
        self.model, self.device = EmotionClassifier.open(Path(weights)).to(device), device
        self.labels = self.model.config.labels
        self.columns = ("emotion_target", "emotion_hit", *(f"emotion_{label}" for label in self.labels))

    def score(self, clips: Sequence[Clip]) -> list[Score]:
        """Probabilities of the labels; `…_target` is the wanted one's, `…_hit` 1 where it is the highest.

        Without a wanted emotion these two are None; for a clip shorter than 0.2 s, all are.
        """
        return [self._one(clip) for clip in clips]

    def _one(self, clip: Clip) -> Score:
        if clip.seconds < SHORTEST_SECONDS:
            return dict.fromkeys(self.columns)
        found = self.model.probabilities(torch.from_numpy(clip.at(SAMPLE_RATE)).to(self.device)).tolist()
        return emotion_columns("emotion", dict(zip(self.labels, found, strict=True)), clip.labels.get("emotion"))
