"""Advantages against the NumPy reference, and what the release's second normalisation gets wrong."""

import numpy as np
import pytest

from glmtts.errors import ConfigError
from glmtts.rl.advantages import AdvantageConfig, group_advantages
from tests.rl import reference

WEIGHTS = {"cer": 1.0, "similarity": 0.1}


def cases() -> list[dict[str, np.ndarray]]:
    """Random groups of 2 to 12 answers: usual ones, flat ones, flat CER with a little SIM, some unscored answers."""
    rng, found = np.random.default_rng(0), []
    for number in range(200):
        size = int(rng.integers(2, 13))
        cer, sim = rng.random(size), 0.8 + 0.011 * rng.standard_normal(size)
        if number % 3 == 1:
            cer = np.full(size, 0.7)
        if number % 5 == 2:
            sim = np.full(size, 0.8)
        if number % 7 == 3:
            cer[rng.random(size) < 0.3] = np.nan
        found.append({"cer": cer, "similarity": sim})
    return found


@pytest.mark.parametrize("floor", [0.0, 1.0, 0.3])
def test_equal_to_the_reference(floor: float) -> None:
    config = AdvantageConfig(floor=floor)
    for rewards in cases():
        wanted = reference.advantages({k: v.tolist() for k, v in rewards.items()}, WEIGHTS, config.flat, floor)
        assert group_advantages(rewards, WEIGHTS, config).values_A == pytest.approx(np.array(wanted), abs=1e-6)


def test_a_weak_reward_stays_weak_where_the_strong_one_is_flat() -> None:
    """The release gives SIM at weight 0.1 full strength there; a floor of 0 shows that."""
    rewards = {"cer": np.full(8, 0.9), "similarity": np.linspace(0.78, 0.82, 8)}
    ours = group_advantages(rewards, WEIGHTS, AdvantageConfig()).values_A
    release = group_advantages(rewards, WEIGHTS, AdvantageConfig(floor=0)).values_A
    assert release.std() == pytest.approx(1.0)
    assert ours.std() == pytest.approx(0.1)
    assert np.argsort(ours).tolist() == np.argsort(release).tolist()


def test_the_named_rewards_decide_on_resampling() -> None:
    rewards = {"cer": np.full(4, 1.0), "similarity": np.array([0.7, 0.8, 0.75, 0.9])}
    assert group_advantages(rewards, WEIGHTS, AdvantageConfig()).trains
    named = group_advantages(rewards, WEIGHTS, AdvantageConfig(decided_by=("cer",)))
    assert (named.trains, named.flat) == (False, ("cer",))


def test_unscored_answers_leave_their_group() -> None:
    rewards = {"cer": np.array([0.1, np.nan, 0.9, 0.5])}
    found = group_advantages(rewards, {"cer": 1.0}, AdvantageConfig())
    assert found.valid_A.tolist() == [True, False, True, True]
    assert found.values_A[1] == 0
    assert found.values_A[[0, 2, 3]] == pytest.approx(
        group_advantages({"cer": np.array([0.1, 0.9, 0.5])}, {"cer": 1.0}, AdvantageConfig()).values_A
    )
    assert not group_advantages({"cer": np.array([np.nan, 0.5])}, {"cer": 1.0}, AdvantageConfig()).trains


def test_a_reward_that_does_not_exist_cannot_decide() -> None:
    with pytest.raises(ConfigError, match="emo"):
        group_advantages({"cer": np.ones(2)}, {"cer": 1.0}, AdvantageConfig(decided_by=("emo",)))


def test_the_best_alone_is_learnt_from() -> None:
    config = AdvantageConfig(learn_from="best")
    for rewards in cases():
        every = group_advantages(rewards, WEIGHTS, AdvantageConfig())
        found = group_advantages(rewards, WEIGHTS, config)
        assert (found.trains, found.flat) == (every.trains, every.flat)
        if not every.trains:
            continue
        assert found.valid_A.sum() == 1 and found.values_A.sum() == found.values_A[found.valid_A][0] == 1
        assert every.values_A[found.valid_A][0] == every.values_A[every.valid_A].max()


def test_a_reward_for_the_log_alone_leaves_no_answer_out() -> None:
    """Of weight 0, and could not score the best answer."""
    rewards = {"cer": np.array([0.2, 0.9, 0.4]), "dnsmos": np.array([3.0, np.nan, 2.0])}
    weights = {"cer": 1.0, "dnsmos": 0.0}
    alone = group_advantages({"cer": rewards["cer"]}, {"cer": 1.0}, AdvantageConfig())
    found = group_advantages(rewards, weights, AdvantageConfig())
    assert found.valid_A.tolist() == [True] * 3 and found.values_A.tolist() == alone.values_A.tolist()
    deciding = group_advantages(rewards, weights, AdvantageConfig(decided_by=("dnsmos",)))
    assert deciding.valid_A.tolist() == [True, False, True]


@pytest.mark.parametrize("learn_from", ["all", "best"])
@pytest.mark.parametrize("floor", [0.0, 1.0])
def test_a_fused_reward_that_tells_nothing_gives_no_advantage(learn_from: str, floor: float) -> None:
    """Two rewards that cancel, and one that decides with weight 0: rounding is no reason, the first is not best."""
    values = np.array([0.1, 0.7, 0.3, 0.35])
    for weights, decided in (({"a": 0.3, "b": 0.3}, ()), ({"a": 0.0, "c": 1.0}, ("a",))):
        rewards = {"a": values, "b": 1 - values, "c": np.full(4, 0.5)}
        config = AdvantageConfig.parse({"learn_from": learn_from, "floor": floor, "decided_by": decided})
        assert not group_advantages(rewards, weights, config).values_A.any()
