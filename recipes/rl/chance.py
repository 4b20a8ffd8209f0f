"""A reward that knows nothing: the control of what is learnt from chosen answers.

    PYTHONPATH=recipes/rl glm-tts rl recipes/rl/mini_best.toml --set loss.rewards.likelihood.kind=chance:Chance …

An answer that is drawn from a nucleus, at a low temperature, and learnt from with the whole softmax sharpens the
policy, whatever it is: a policy that was trained by this reward tells how much of a gain is that.
"""

from collections.abc import Sequence
from hashlib import blake2b

from glmtts.rl.rewards.base import Completion, Reward


class Chance(Reward):
    """A number from 0 to 1 that depends on the answer's key alone."""

    def score(self, completions: Sequence[Completion]) -> list[float | None]:
        """See the class."""
        return [blake2b(one.key.encode(), digest_size=4).digest()[0] / 255 for one in completions]
