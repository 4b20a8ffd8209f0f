"""Intervals hold the true mean as often as they say, and the test finds what is there."""

import math

import numpy as np
import pytest

from glmtts.errors import EvaluationError
from glmtts.eval.statistics import bootstrap_mean, bootstrap_ratio, finite, paired


def test_intervals_hold_the_true_mean_about_95_times_in_a_hundred() -> None:
    draw = np.random.default_rng(3)
    held = 0
    for seed in range(60):
        interval = bootstrap_mean(draw.normal(5.0, 2.0, 60).tolist(), seed)
        assert interval is not None
        held += interval[0] <= 5.0 <= interval[1]
    assert 51 <= held <= 60  # 57 expected; 51 or fewer has a probability of one in a hundred


def test_a_ratio_draws_utterances_with_both_their_numbers() -> None:
    assert bootstrap_ratio([1, 2, 3, 4], [10, 20, 30, 40]) == pytest.approx((0.1, 0.1))
    assert bootstrap_ratio([1], [10]) is None


def test_a_real_difference_is_seen_and_none_is_not() -> None:
    draw = np.random.default_rng(5)
    a = draw.normal(3, 1, 80)
    better = paired(a.tolist(), (a + 0.3 + draw.normal(0, 0.5, 80)).tolist())
    assert better.p < 0.01 and better.interval is not None and better.interval[0] > 0
    same = paired(a.tolist(), draw.permutation(a).tolist())
    assert same.p > 0.05 and same.interval is not None and same.interval[0] < 0 < same.interval[1]
    assert paired(a.tolist(), a.tolist()).p == 1


def test_the_detectable_effect_is_found_four_times_in_five() -> None:
    draw = np.random.default_rng(7)
    values = draw.normal(0, 1, 40)
    sample = paired([0.0] * 40, ((values - values.mean()) / values.std(ddof=1)).tolist())
    assert sample.detectable == pytest.approx(2.8016 / 40**0.5, abs=1e-4)
    found = sum(paired([0.0] * 40, draw.normal(sample.detectable, 1, 40).tolist(), n).p < 0.05 for n in range(40))
    assert 24 <= found <= 40


def test_a_value_that_is_not_finite_is_no_difference_that_was_seen() -> None:
    for value in (math.nan, math.inf):
        with pytest.raises(EvaluationError, match="finite"):
            paired([1.0, 2.0, 3.0], [1.0, value, 3.0])
    with pytest.raises(EvaluationError, match="finite"):
        paired([], [])
    assert [finite(value) for value in (None, math.nan, -math.inf, 0.0)] == [False, False, False, True]
