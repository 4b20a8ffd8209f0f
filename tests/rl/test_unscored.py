"""Rewards that score nothing: a warning at once, and a sentence where it goes on."""

import logging
from typing import Any

import numpy as np
import pytest

from glmtts.errors import RlError
from glmtts.rl import unscored
from glmtts.rl.unscored import HOPELESS, Unscored
from tests.training.runs import train

NONE, ONE, TWO = np.full(3, np.nan), np.array([1.0, np.nan, np.nan]), np.array([np.nan, 0.0, 0.0])


@pytest.mark.parametrize(
    ("group", "who"),
    [
        ({"a": NONE, "b": TWO}, "the reward 'a' gave none"),
        ({"a": NONE, "b": NONE}, "the reward 'a' and 'b' gave none"),
        ({"a": np.full(3, np.inf), "b": TWO}, "the reward 'a' gave none"),
        ({"a": ONE, "b": TWO}, "the rewards gave too few"),
        ({"a": TWO}, "the reward 'b' gave none"),
    ],
)
def test_a_run_ends_where_nothing_is_scored(
    group: dict[str, np.ndarray], who: str, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Unscored(["a", "b"])
    with caplog.at_level(logging.WARNING):
        for _ in range(HOPELESS - 1):
            watched.watch([group, group])
    assert len(caplog.messages) == 1 and who in caplog.messages[0]
    with pytest.raises(RlError, match=f"for {HOPELESS} rollouts, and nothing was learnt: {who}"):
        watched.watch([group, group])


def test_one_pair_of_scores_is_enough(caplog: pytest.LogCaptureFixture) -> None:
    """All alike, as of a policy that is perfect; a reward of weight 0 is there for the log and is not needed."""
    watched = Unscored(["a"])
    for number in range(3 * HOPELESS):
        watched.watch([{"a": NONE, "c": NONE}, {"a": TWO if number % HOPELESS == 0 else ONE, "c": NONE}])
    assert len(caplog.messages) == 3


def test_a_run_whose_reward_declines_everything_says_so(make_run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unscored, "HOPELESS", 2)
    guards = make_run().loss["guards"]
    loss = {"rewards": {"own": {"kind": "tests.rl.own_rewards:Nan"}, "cer": {}}, "guards": guards}
    with pytest.raises(RlError, match=r"for 2 rollouts.*'own' gave none"):
        train(make_run("nothing", loss={**loss, "advantages": {"resamplings": 0}}))
    both = {"rewards": {"own": {"kind": "tests.rl.own_rewards:Nan", "weight": 0.0}, "cer": {}}, "guards": guards}
    assert train(make_run("logged", loss=both, schedule={"steps": 3, "warmup_steps": 0})).step == 3
