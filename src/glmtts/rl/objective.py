"""The clipped objective of GRPO over tokens or sequences, with what may be added to it (report section 2.4).

The report relaxes ε while it trains, and finds that this matters (Table 5). With the ratio to the policy that sampled
and one update a rollout, the ratio is 1 and no ε can matter. So the ratio is taken to the frozen model that training
started from: the clip is then a trust region around it, and relaxing ε widens that region.
"""

from dataclasses import dataclass
from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from glmtts.config import StrictConfig
from glmtts.rl.schedules import Schedule

MOST_NATS = 20.0  # of a log-ratio: e^20 is far outside every clip, and its square still a float32


class ObjectiveConfig(StrictConfig):
    """`ratio_to`: "reference" is the model that training started from, "old" the one that sampled.

    With "old" and one update a rollout the ratio is 1, and neither clip matters. `level` "sequence" is GSPO (Zheng et
    al., 2025): one ratio for an answer, the geometric mean of its tokens'.
    `kl` weighs the k3 estimate of KL(π ‖ reference), `entropy` a bonus. `updates` is the number of steps that learn
    from one rollout. `truncated` says what becomes of answers that ran into their bound: "scored" like others, or
    "masked" (DAPO's overlong filter). `distribution` is what π is: "sampled" as the answers were drawn, nucleus and
    all, "softmax" the whole softmax. Learning from the best answers alone needs the latter: a nucleus compares what it
    holds and nothing else, and the reward of `mini` did not rise by it (docs/rl.md).
    """

    ratio_to: Literal["reference", "old"] = "reference"
    level: Literal["token", "sequence"] = "token"
    clip_low: Schedule = Schedule(start=0.2)  # report section 3.3: 0.2, and 0.3 with clip-higher
    clip_high: Schedule = Schedule(start=0.3)
    kl: float = Field(default=0.0, ge=0, le=1000)
    entropy: float = Field(default=0.0, ge=0, le=1000)
    updates: int = Field(default=1, ge=1)
    truncated: Literal["scored", "masked"] = "scored"
    distribution: Literal["sampled", "softmax"] = "sampled"

    @model_validator(mode="after")
    def _clips(self) -> Self:
        if min(self.clip_low.least, self.clip_high.least) < 0:
            raise ValueError("clip_low and clip_high must not be negative")
        return self


@dataclass(frozen=True)
class TokenTerms:
    """What the objective reads, over the N tokens of all answers, end tokens included.

    `log_probs_N` of the policy carry the gradient; `behind_N` are those of the policy that the ratio is taken to,
    `reference_N` those of the model that training started from. `rows_N` is the answer that a token belongs to, of
    `rows` in all, `entropies_N` the policy's entropy in nats.
    """

    log_probs_N: Tensor
    behind_N: Tensor
    reference_N: Tensor
    advantages_N: Tensor
    entropies_N: Tensor
    rows_N: Tensor
    rows: int


def policy_loss(
    terms: TokenTerms, config: ObjectiveConfig, low: float, high: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """−mean over tokens of min(r A, clip(r, 1 − low, 1 + high) A) + kl · k3 − entropy · H, and metrics by trl's names.

    r = π / π_behind. On the level of sequences the mean is over answers, and A is the mean of an answer's tokens.
    """
    # as logs, so that a token which one of the two has given up stays a number
    log_ratio_N = (terms.log_probs_N - terms.behind_N).clamp(-MOST_NATS, MOST_NATS)
    advantages = terms.advantages_N
    if config.level == "sequence":
        # exp of a mean of logs: the geometric mean of an answer's ratios, so that long answers do not run away
        log_ratio_N, advantages = _mean_of_rows(log_ratio_N, terms), _mean_of_rows(advantages, terms)
    ratio = log_ratio_N.exp()
    clipped = ratio.clamp(1 - low, 1 + high)
    # PPO's lower bound (Schulman et al., 2017, eq. 7): clipping takes away what would be gained, never a loss
    loss = -torch.minimum(ratio * advantages, clipped * advantages).mean()
    # over tokens on both levels, and logged whether or not it weighs
    kl = k3(terms.log_probs_N, terms.reference_N).mean()
    entropy = terms.entropies_N.mean()
    if config.kl:
        loss = loss + config.kl * kl
    if config.entropy:
        loss = loss - config.entropy * entropy
    # on these two sides alone the minimum is the clipped term, whose gradient is zero
    below = ((ratio < 1 - low) & (advantages < 0)).float().mean()
    above = ((ratio > 1 + high) & (advantages > 0)).float().mean()
    metrics = {
        "kl": kl,
        "entropy": entropy,
        "clip_ratio/low_mean": below,
        "clip_ratio/high_mean": above,
        "clip_ratio/region_mean": below + above,
    }
    return loss, {name: value.detach() for name, value in metrics.items()}


def k3(log_probs_N: Tensor, reference_N: Tensor) -> Tensor:
    """Schulman's estimate of KL(π ‖ reference) from samples of π: e^d − d − 1 with d = log reference − log π; ≥ 0."""
    # a token that the policy has given up would make e^d overflow float32, from d = 89 on
    difference = (reference_N - log_probs_N).clamp(-MOST_NATS, MOST_NATS)
    return difference.exp() - difference - 1


def _mean_of_rows(values_N: Tensor, terms: TokenTerms) -> Tensor:
    """Mean of each answer's tokens (A,), for answers that have any."""
    sums = values_N.new_zeros(terms.rows).index_add(0, terms.rows_N, values_N)
    counts = values_N.new_zeros(terms.rows).index_add(0, terms.rows_N, torch.ones_like(values_N))
    return sums[counts > 0] / counts[counts > 0]
