"""Rollouts and rewards in Ray workers are those of one process."""

from pathlib import Path
from typing import Any

import pytest
import torch

from glmtts.errors import RlError
from glmtts.rl.decoding import RayDecoder
from glmtts.rl.grpo import PolicyTask
from glmtts.rl.rewards import scoring
from glmtts.rl.rewards.base import Context
from glmtts.rl.rewards.scoring import RewardSection, Scoring
from tests.rl.test_scoring import completions

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("ray_cluster")]


def test_ray_workers_answer_as_one_process(make_run: Any) -> None:
    task = PolicyTask(make_run(data={"prompts": 3}))
    model = task.build()
    task.start(model)
    prompts, seeds = task.asked(0), [[1, 2], [3, 4], [5, 6]]
    alone = task.decoder.with_policy(model, task.sampling(0))(prompts, seeds)
    remote = PolicyTask(make_run(data={"prompts": 3, "ray_workers": 2})).decoder
    assert isinstance(remote, RayDecoder)
    together = remote.with_policy(model, task.sampling(0))(prompts, seeds)
    assert [[one.tokens for one in group] for group in together] == [[one.tokens for one in group] for group in alone]


def test_a_rollout_worker_that_fails_says_one_sentence(make_run: Any) -> None:
    """A policy of no numbers, as in one process: no traceback of another machine."""
    task = PolicyTask(make_run(data={"prompts": 1, "ray_workers": 1}))
    model = task.build()
    with torch.no_grad():
        model.model.embed_tokens.weight.fill_(float("nan"))
    with pytest.raises(RlError, match=r"^A rollout worker failed: The policy computes no finite numbers any more"):
        task.decoder.with_policy(model, task.sampling(0))(task.asked(0), [[1, 2]])


def test_a_ray_actor_that_cannot_be_made_or_fails_is_not_waited_for() -> None:
    section = RewardSection(kind="tests.rl.own_rewards:FewTokens", options={"x": 1}, runs="ray")
    with pytest.raises(RlError, match="cannot be made with these options"):
        Scoring({"own": section}, Context(None), None)
    loud = RewardSection(kind="tests.rl.own_rewards:Loudness", runs="ray")
    with pytest.raises(RlError, match=r"failed: ValueError: This answer was not rendered"):
        Scoring({"own": loud}, Context(None), None).score(completions(1), ["own"])


def test_actors_do_not_wait_for_gpus_that_are_not_there() -> None:
    """The cluster of these tests has none."""
    options = {"heard_by": "whisper-tiny", "device": "cuda"}
    with pytest.raises(RlError, match=r"'cer' ask for 2 GPUs, and the Ray cluster has 0"):
        Scoring({"cer": RewardSection(runs="ray", workers=2, options=options)}, Context(None), None)
    section = RewardSection(kind="tests.rl.own_rewards:FewTokens", runs="ray", gpus=0.25)
    with pytest.raises(RlError, match=r"ask for 0\.25 GPUs"):
        Scoring({"own": section}, Context(None), None)


def test_a_ray_actor_that_hangs_is_a_lost_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "FIRST_WAIT", 0.0)
    section = RewardSection(kind="tests.rl.own_rewards:Hangs", runs="ray", patience_minutes=5)
    own = Scoring({"own": section}, Context(None), None)
    own._backends["own"]._timeout = 0.0
    own.sections = {"own": section.model_copy(update={"patience_minutes": 1e-6})}
    with pytest.raises(RlError, match=r"has not answered.*GetTimeoutError"):
        own.score(completions(1), ["own"])


def test_a_ray_actor_that_dies_is_asked_again(tmp_path: Path) -> None:
    """It dies after three of six answers; every answer has its score in the end."""
    options = {"notes": str(tmp_path / "notes"), "lives": 3}
    section = RewardSection(kind="tests.rl.own_rewards:Mortal", options=options, runs="ray", batch=2)
    scoring = Scoring({"own": section}, Context(None), None)
    scores, _ = scoring.score(completions(1, 2, 3, 4, 5, 6), ["own"])
    assert scores["own"].tolist() == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    assert (tmp_path / "notes.died").exists()
