"""Intervals and tests over utterances: bootstrap, paired permutation, and the smallest effect that could be seen."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np

from glmtts.errors import EvaluationError

RESAMPLES = 2000  # percentiles of 2,000 resamples move by less than a tenth of the interval between seeds
PERMUTATIONS = 10_000  # so a p of 0.05 is known to ±0.004
BLOCK = 100  # resamples at a time: a long list with all of them would take a gigabyte
LEVEL = 0.95  # of intervals, the usual one
NORMAL_95, NORMAL_80 = 1.959964, 0.841621  # quantiles of the normal distribution for 95 % (two-sided) and 80 %
Interval = tuple[float, float]


def bootstrap_mean(values: Sequence[float], seed: int = 0) -> Interval | None:
    """Percentile interval (95 %) of the mean (Efron 1979); None for fewer than two values."""
    return bootstrap_ratio(values, [1.0] * len(values), seed)


def bootstrap_ratio(numerators: Sequence[float], denominators: Sequence[float], seed: int = 0) -> Interval | None:
    """The same for a ratio of sums, as edits over words; utterances are drawn with both their numbers."""
    if len(numerators) < 2:
        return None
    above, below = np.asarray(numerators, float), np.asarray(denominators, float)
    draw = np.random.default_rng(seed)
    ratios = np.concatenate([_resampled(above, below, draw) for _ in range(RESAMPLES // BLOCK)])
    if not len(ratios):
        return None
    low, high = np.quantile(ratios, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)


def _resampled(above: np.ndarray, below: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Ratios of some resamples, without those in which nothing was wanted."""
    chosen = draw.integers(len(above), size=(BLOCK, len(above)))
    totals = below[chosen].sum(axis=1)
    ratios: np.ndarray = above[chosen].sum(axis=1)[totals > 0] / totals[totals > 0]
    return ratios


def finite(value: float | None) -> TypeGuard[float]:
    """Whether a value is there: None and NaN are none."""
    return value is not None and math.isfinite(value)


@dataclass(frozen=True)
class Paired:
    """Two systems on the same lines: means, mean difference (B − A), its interval, p, and the effect that shows."""

    pairs: int
    a: float
    b: float
    difference: float
    interval: Interval | None
    p: float
    detectable: float | None


def paired(a: Sequence[float], b: Sequence[float], seed: int = 0) -> Paired:
    """Compare two systems line by line.

    p is of the sign-flip permutation test (Fisher 1935), two-sided, with the observed assignment counted as one.
    `detectable` is the smallest true difference that this sample would have shown with 80 % power at 5 %:
    (z_0.975 + z_0.8) × standard error of the differences.

    Raises:
        EvaluationError: there is no pair, or a value is not finite: no difference is above NaN, so that p would be
            the smallest there is.
    """
    one, other = np.asarray(a, float), np.asarray(b, float)
    differences = other - one
    if not differences.size or not np.isfinite(differences).all():
        raise EvaluationError("Only pairs of finite values can be compared. Leave out those that have none.")
    count = len(differences)
    error = differences.std(ddof=1) / np.sqrt(count) if count > 1 else None
    return Paired(
        count,
        float(one.mean()),
        float(other.mean()),
        float(differences.mean()),
        bootstrap_mean(differences.tolist(), seed),
        _sign_flips(differences, seed),
        None if error is None else float((NORMAL_95 + NORMAL_80) * error),
    )


def _sign_flips(differences: np.ndarray, seed: int) -> float:
    draw = np.random.default_rng(seed)
    # an assignment that gives the very same mean may differ from it by rounding, which is of the size of the terms:
    # of a mean near 0, whose terms cancel, it would be most of the mean
    seen = abs(differences.mean()) - 1e-12 * abs(differences).mean()
    at_least = 1  # the observed assignment is one of the possible ones: p is never 0
    for _ in range(PERMUTATIONS // BLOCK):
        signs = draw.choice((-1.0, 1.0), size=(BLOCK, len(differences)))
        at_least += int((abs((signs * differences).mean(axis=1)) >= seen).sum())
    return at_least / (PERMUTATIONS + 1)
