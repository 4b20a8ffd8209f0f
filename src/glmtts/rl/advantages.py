"""From rewards to advantages: each reward normalised in its group, weighted sum, normalised again (report 2.4).

Two things differ from the public release, where a reward of weight 0.1 decides alone as soon as the others are flat,
since the second normalisation divides by the deviation of the sum, whatever its size:

- the second deviation has a floor, the largest of the weights. So a weak reward keeps the size of its weight;
- whether a group is resampled is decided by the rewards that the configuration names. The report concludes that the
  variance of SIM is not to count there (section 3.3).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from glmtts.config import StrictConfig
from glmtts.errors import ConfigError

TIE = 1e-9  # of the largest weight: what is left of a sum of rewards that cancel is rounding, some 1e-16 of it


class AdvantageConfig(StrictConfig):
    """`flat` is the deviation below which a reward counts as the same for all answers of a group.

    `floor` times the largest weight is the least deviation that the fused reward is divided by; 0 gives the release's
    second normalisation. `decided_by` are the rewards whose variance makes a group worth training on; empty: all.
    `learn_from` "best" takes the best answer of each group alone, with an advantage of 1: rejection sampling (RAFT,
    Dong et al., 2023), the choice among candidates distilled into one. Set `objective.ratio_to` to "old" with it.
    """

    # rewards go from 0 to 1; one wrong phoneme of 40 in one of eight answers is a deviation of 0.02 of CER, and counts
    flat: float = Field(default=1e-2, gt=0, le=100)
    floor: float = Field(default=1.0, ge=0, le=1000)
    decided_by: tuple[str, ...] = ()
    resamplings: int = Field(default=3, ge=0)  # report sections 2.4 and 3.3: up to three times
    learn_from: Literal["all", "best"] = "all"


@dataclass(frozen=True)
class Advantages:
    """Of one group: an advantage for each answer (A,), which answers count (A,), and whether the group is trained on.

    `flat` names the rewards without variance. The advantages are all 0 where the fused reward is the same for all.
    """

    values_A: np.ndarray
    valid_A: np.ndarray
    trains: bool
    flat: tuple[str, ...]


def deciding(config: AdvantageConfig, weights: Mapping[str, float]) -> Sequence[str]:
    """The rewards that decide on resampling.

    Raises:
        ConfigError: one is named that is no reward of the run.
    """
    unknown = [name for name in config.decided_by if name not in weights]
    if unknown:
        raise ConfigError(
            f"advantages.decided_by names {', '.join(unknown)}, but the rewards are {', '.join(weights)}."
        )
    # a reward of weight 0 is there for the log: its variance says nothing that could be learnt
    return config.decided_by or [name for name, weight in weights.items() if weight]


def group_advantages(
    rewards: Mapping[str, np.ndarray], weights: Mapping[str, float], config: AdvantageConfig
) -> Advantages:
    """Advantages of one group of answers from its rewards, each (A,) float64; NaN: it could not be scored.

    z_k = (r_k − mean r_k) / std r_k, 0 where std < flat; fused = Σ w_k z_k;
    A = (fused − mean) / max(std, floor · max w). Deviations are those of the population. An answer that any reward
    could not score leaves the group, but for rewards of weight 0 that decide nothing: those are there for the log.
    """
    names = [name for name, weight in weights.items() if weight or name in config.decided_by]
    rows_KA = np.stack([np.asarray(rewards[name], dtype=np.float64) for name in names])
    # a missing score is NaN, which would spread over mean and deviation of the whole group
    valid_A = np.logical_and.reduce(np.isfinite(rows_KA))
    values_A = np.zeros(rows_KA.shape[1])
    if valid_A.sum() < 2:  # one answer alone is neither better nor worse
        return Advantages(values_A, valid_A, False, tuple(names))
    kept_KA = rows_KA[:, valid_A]
    deviations_K = kept_KA.std(1)
    varied_K = deviations_K >= config.flat
    centred_KA = kept_KA - kept_KA.mean(1, keepdims=True)
    # z_k; the inner where divides by 1 where the outer one takes 0, else flat rows would be 0 / 0
    normal_KA = np.where(varied_K[:, None], centred_KA / np.where(varied_K, deviations_K, 1.0)[:, None], 0.0)
    weights_K = np.array([weights[name] for name in names])
    fused = weights_K @ normal_KA
    flat = tuple(name for name, varied in zip(names, varied_K, strict=True) if not varied)
    # one deciding reward that tells the answers apart is enough
    trains = not set(deciding(config, weights)) <= set(flat)
    largest = float(np.abs(weights_K).max())
    if fused.std() <= TIE * largest:
        # rewards that cancel, or a deciding one of weight 0: the best would be any answer, and 0 / 0 its advantage
        return Advantages(values_A, valid_A, trains, flat)
    # second normalisation; the floor binds where the strong rewards are flat and a weak one alone is left
    spread = max(float(fused.std()), config.floor * largest)
    values_A[valid_A] = (fused - fused.mean()) / spread
    if config.learn_from == "best":
        # argmax counts through the valid answers alone, so its place among all of them is looked up
        valid_A = np.arange(len(valid_A)) == np.flatnonzero(valid_A)[fused.argmax()]
        values_A = valid_A.astype(np.float64)
    return Advantages(values_A, valid_A, trains, flat)
