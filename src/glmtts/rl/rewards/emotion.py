"""Emotion: the probability of the wanted emotion, or 1 − P(neutral) where none is wanted (report 2.4)."""

from collections.abc import Mapping, Sequence
from typing import Any

from glmtts.errors import ConfigError
from glmtts.eval import scorers
from glmtts.rl.rewards.base import Completion, Context, Reward
from glmtts.rl.rewards.scorer import clip_of

NEUTRAL = "neutral"


def emotion_reward(probabilities: Mapping[str, float | None], wanted: str | None) -> float | None:
    """P(wanted), or 1 − P(neutral) without a wanted emotion; None where the classifier does not know it."""
    value = probabilities.get(wanted or NEUTRAL)
    if value is None:
        return None
    return value if wanted else 1 - value


class Emotion(Reward):
    """`emotion_reward` with a classifier of `glmtts.eval.scorers`, whose columns end with the names of emotions."""

    needs_audio = True

    def __init__(self, context: Context, classifier: str = "emotion", options: dict[str, Any] | None = None) -> None:
        super().__init__(context)
        self.classifier = scorers.load(classifier, **(options or {}))
        if not any(column.endswith(f"_{NEUTRAL}") for column in self.classifier.columns):
            raise ConfigError(
                f"The scorer '{classifier}' gives {', '.join(self.classifier.columns)} and no P({NEUTRAL}). Give one "
                "that tells emotions: emotion or emo2vec."
            )

    def score(self, completions: Sequence[Completion]) -> list[float | None]:
        """See the class."""
        rows = self.classifier.score([clip_of(one) for one in completions])
        named = [{column.rsplit("_", 1)[-1]: value for column, value in row.items()} for row in rows]
        return [emotion_reward(row, one.emotion) for row, one in zip(named, completions, strict=True)]
