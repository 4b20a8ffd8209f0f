"""Likelihood of the wanted phonemes by the bundle's token recogniser: what `mini` chooses its candidates by."""

import math
from collections.abc import Sequence

from glmtts.rl.rewards.base import Completion, Context, Reward


class Likelihood(Reward):
    """exp(−nats a phoneme) of the wanted phonemes, from 0 to 1; nothing is rendered.

    It tells answers apart in which the recogniser hears the same phonemes, where an error rate is alike. None where the
    tokens cannot be read, or nothing is wanted.
    """

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        context.check_recogniser()

    def score(self, completions: Sequence[Completion]) -> list[float | None]:
        """See the class."""
        readings = self.context.synthesizer.judge.readings([one.tokens for one in completions])
        return [
            None if reading is None or not one.phonemes else math.exp(-reading.nll(one.phonemes))
            for one, reading in zip(completions, readings, strict=True)
        ]
