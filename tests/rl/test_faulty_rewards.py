"""Rewards that fail or are given what they cannot use: one sentence, as early as it can be told."""

import json
import math
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from glmtts.errors import AsrError, ConfigError, RlError
from glmtts.rl.advantages import AdvantageConfig
from glmtts.rl.objective import ObjectiveConfig
from glmtts.rl.rewards.base import Context, make_reward
from glmtts.rl.rewards.grpc_workers import GrpcBackend, RewardWorker
from glmtts.rl.rewards.ledger import Ledger
from glmtts.rl.rewards.messages import framed, packed
from glmtts.rl.rewards.scores import scores_of
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
        ({"gives": "11"}, "for each of 2 answers, not '11'"),
        ({"gives": b"11"}, "for each of 2 answers, not b'11'"),
        ({"gives": ["1.5", "nan"]}, r"not \['1.5', 'nan'\]"),
        ({"gives": {1: 0.5, 2: 0.5}}, r"not \{1: 0.5, 2: 0.5\}"),
        ({"gives": {1, 2}}, r"not \{1, 2\}"),
        ({"gives": [10**400] * 2}, r"not \[1000"),
        ({"gives": [10**5000] * 2}, "not a list"),
        ({"gives": [1j, 2j]}, "for each of 2 answers"),
        ({"gives": np.zeros((2, 2))}, r"for each of 2 answers, not array\(\[\[0\., 0\.\], \[0\., 0\.\]\]\)\.$"),
        ({"gives": [1e308, -1e308]}, r"gave 1e\+308, and scores beyond 1e\+30 cannot be compared"),
        ({"gives": [0.0, -1e31]}, "Scale it down"),
    ],
)
def test_a_reward_that_fails_is_named(options: dict[str, Any], said: str) -> None:
    """In this process as at a worker: one sentence, and no score."""
    one = Scoring({"own": RewardSection(kind=f"{OWN}:Fails", options=options)}, Context(None), None)
    with pytest.raises(RlError, match=said):
        one.score(completions(1, 2), ["own"])
    assert not len(one.ledgers["own"])


@pytest.mark.parametrize(
    "gives", [(0.5, 2), np.array([0.5, 2.0]), torch.tensor([0.5, 2.0]), [np.float16(0.5), torch.tensor(2)]]
)
def test_other_lists_of_numbers_are_scores(gives: Any) -> None:
    assert scores_of("own", gives, 2) == [0.5, 2.0]
    assert scores_of("own", (one for one in [True, None, -math.inf]), 3) == [1.0, None, -math.inf]


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("generator", r"failed: ZeroDivisionError.*own_rewards\.py, line"),
        ("float", "failed: RuntimeError: no number today"),
        ("iter", "failed: RuntimeError: no list today"),
        ("repr", "must give a number or None for each of 2 answers, not a list"),
        ("exit", "failed: SystemExit: 3"),
        ("exit at last", "failed: SystemExit: 3"),
        ("stop", "failed: StopIteration"),
    ],
)
def test_a_reward_s_own_code_is_one_sentence(way: str, said: str) -> None:
    one = Scoring({"own": RewardSection(kind=f"{OWN}:Awkward", options={"way": way})}, Context(None), None)
    with pytest.raises(RlError, match=said):
        one.score(completions(1, 2), ["own"])


def test_a_reward_that_cannot_say_whether_it_hears_is_named() -> None:
    section = RewardSection(runs="grpc", addresses=("127.0.0.1:1",), options={"way": "hears"})
    with pytest.raises(ConfigError, match="cannot say whether it needs audio: RuntimeError: no ears today"):
        GrpcBackend(f"{OWN}:Awkward", section)


def test_a_reward_that_changes_what_it_hears_does_so_for_itself() -> None:
    sections = {name: RewardSection(kind=f"{OWN}:{name}") for name in ("Silences", "Loudness")}
    answers = [replace(one, wave=np.ones(8, dtype=np.float32), speaker=np.ones(2)) for one in completions(1, 2)]
    scores, _ = Scoring(sections, Context(None), None).score(answers, list(sections))
    assert scores["Loudness"].tolist() == [1.0, 1.0]
    assert all(one.wave is not None and one.wave.all() and one.speaker.all() for one in answers)


def test_what_is_no_number_is_asked_again_also_of_a_worker(tmp_path: Path) -> None:
    worker = RewardWorker(Context(None), tmp_path)
    head = json.dumps({"kind": f"{OWN}:Nan", "options": {}}).encode()
    for _ in range(2):
        assert json.loads(worker.score(framed(head, packed(completions(1))))) == [None]
    assert not len(worker._reward(f"{OWN}:Nan", {})[1])
    path = tmp_path / "a.jsonl"
    rows = {"a": "NaN", "b": "1.0", "c": "1e200", "d": "1" + "0" * 400, "e": "-Infinity"}
    path.write_text("".join(f'{{"key": "{key}", "score": {score}}}\n' for key, score in rows.items()))
    assert [key for key in rows if key in Ledger(path)] == ["b"]


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
