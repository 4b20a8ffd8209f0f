"""Any scorer of `glmtts.eval.scorers` as a reward."""

from collections.abc import Sequence
from typing import Any

from glmtts.errors import ConfigError
from glmtts.eval import scorers
from glmtts.rl.rewards.base import Completion, Context, Reward


def clip_of(one: Completion) -> "scorers.Clip":
    """An answer as scorers see it, with a recording of its voice as the prompt where there is one."""
    prompt = None
    if one.reference is not None:
        prompt = scorers.Clip("prompt", one.reference, one.rate, "", one.language)
    labels = {"emotion": one.emotion} if one.emotion else {}
    return scorers.Clip(one.key, one.audio(), one.rate, one.text, one.language, prompt=prompt, labels=labels)


class ScorerReward(Reward):
    """`column` of the scorer `name`, times −1 where lower is better."""

    needs_audio = True

    def __init__(
        self, context: Context, name: str, column: str | None = None, options: dict[str, Any] | None = None
    ) -> None:
        super().__init__(context)
        self.scorer = scorers.load(name, **(options or {}))
        self.column = column or self.scorer.columns[0]
        if self.column not in self.scorer.columns:
            raise ConfigError(f"The scorer '{name}' has no column '{column}'. It has {', '.join(self.scorer.columns)}.")

    def score(self, completions: Sequence[Completion]) -> list[float | None]:
        """See the class."""
        sign = 1.0 if self.scorer.higher_is_better.get(self.column, True) else -1.0
        rows = self.scorer.score([clip_of(one) for one in completions])
        return [None if (value := row[self.column]) is None else sign * value for row in rows]
