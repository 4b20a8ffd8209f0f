"""Rewards that fail or are given what they cannot use: one sentence, as early as it can be told."""

import json
import math
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from glmtts.errors import AsrError, ConfigError, RlError
from glmtts.rl.advantages import AdvantageConfig
from glmtts.rl.objective import ObjectiveConfig
from glmtts.rl.rewards.base import Context, make_reward
from glmtts.rl.rewards.ledger import Ledger
from glmtts.rl.rewards.remote import GrpcBackend, RewardWorker, packed
from glmtts.rl.rewards.scoring import RewardSection, Scoring
from glmtts.rl.settings import DiffroLoss
from tests.rl.test_scoring import OWN, completions


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "reward 'own' failed: ZeroDivisionError"),
        ({"gives": [0.5]}, r"must give a number or None for each of 2 answers, not \[0.5\]"),
        ({"gives": ["a", "b"]}, r"a number or None for each of 2 answers, not \['a', 'b'\]"),
        ({"gives": 7}, "for each of 2 answers, not 7"),
    ],
)
def test_a_reward_that_fails_is_named(options: dict[str, Any], said: str) -> None:
    """In this process as at a worker: one sentence, and no score."""
    one = Scoring({"own": RewardSection(kind=f"{OWN}:Fails", options=options)}, Context(None), None)
    with pytest.raises(RlError, match=said):
        one.score(completions(1, 2), ["own"])
    assert not len(one.ledgers["own"])


def test_what_is_no_number_is_asked_again_also_of_a_worker(tmp_path: Path) -> None:
    worker = RewardWorker(Context(None), tmp_path)
    head = json.dumps({"kind": f"{OWN}:Nan", "options": {}}).encode()
    for _ in range(2):
        assert json.loads(worker.score(len(head).to_bytes(8, "little") + head + packed(completions(1)))) == [None]
    assert not len(worker._reward(f"{OWN}:Nan", {})[1])
    path = tmp_path / "a.jsonl"
    path.write_text('{"key": "a", "score": NaN}\n{"key": "b", "score": 1.0}\n')
    assert ("a" in Ledger(path), "b" in Ledger(path)) == (False, True)


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("cer", {"heard_by": "whisper-base", "unit": "words"}, "unit of the reward cer is 'words'"),
        ("cer", {"heard_by": "whisper-base", "slope": float("nan")}, "slope of the reward cer"),
        ("cer", {"heard_by": "whisper-base", "slope": -2.5}, "slope of the reward cer"),
        ("scorer", {"name": "band_energy", "column": "loud"}, "no column 'loud'"),
        ("emotion", {"classifier": "band_energy"}, r"no P\(neutral\)"),
    ],
)
def test_options_that_give_no_score_or_another_are_refused(kind: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make_reward(kind, Context(None), options)


def test_a_recogniser_that_is_not_there_is_told_before_the_first_answer() -> None:
    with pytest.raises(AsrError, match="no speech recogniser 'whispr'"):
        Scoring({"cer": RewardSection(options={"heard_by": "whispr"})}, Context(None), None)


def test_options_that_cannot_be_sent_are_told_at_the_start() -> None:
    section = RewardSection(runs="grpc", addresses=("127.0.0.1:1",), options={"since": date(2025, 1, 1)})
    with pytest.raises(ConfigError, match="options of the reward 'cer' cannot be sent"):
        GrpcBackend("cer", section)


@pytest.mark.parametrize(
    ("config", "values"),
    [
        (RewardSection, {"weight": math.nan}),
        (RewardSection, {"patience_minutes": math.inf}),
        (AdvantageConfig, {"flat": math.inf}),
        (AdvantageConfig, {"floor": math.inf}),
        (ObjectiveConfig, {"kl": math.inf}),
        (ObjectiveConfig, {"entropy": math.inf}),
        (DiffroLoss, {"softness": math.inf}),
        (DiffroLoss, {"kl": math.inf}),
    ],
)
def test_settings_are_finite(config: Any, values: dict[str, float]) -> None:
    """TOML writes inf and nan: with them nothing is learnt, or every loss is NaN."""
    with pytest.raises(ConfigError, match="finite"):
        config.parse(values)
