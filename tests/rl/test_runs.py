"""Whole runs on a tiny bundle: they learn, resume to the bit, leave out what teaches nothing, and export a bundle."""

from pathlib import Path
from typing import Any

import pytest
import torch

from glmtts.bundle import Bundle
from glmtts.rl.export import export_bundle
from glmtts.rl.figures import longest_copy
from glmtts.training import checkpoint
from glmtts.training.logs import read_rows
from glmtts.training.weights import trained_weights
from tests.training.runs import KilledError, assert_same, killed_at, train

pytestmark = pytest.mark.long

OWN = "tests.rl.own_rewards"


def own(name: str, **changes: Any) -> dict[str, Any]:
    return {"rewards": {"own": {"kind": f"{OWN}:{name}"}}, "advantages": {"flat": 1e-6}, **changes}


@pytest.mark.parametrize("task", ["grpo", "diffro"])
def test_killed_and_resumed_is_unbroken(task: str, make_run: Any, tmp_path: Path) -> None:
    train(make_run("whole", task))
    broken = make_run("broken", task)
    with pytest.raises(KilledError):
        train(broken, killed_at(3))
    assert checkpoint.latest(broken.run.out).name == "step-00000002"
    train(broken)
    assert_same(tmp_path / "whole", tmp_path / "broken")


def test_resumed_in_the_middle_of_a_rollouts_updates(make_run: Any, tmp_path: Path) -> None:
    """Three updates a rollout, killed after the second of the second one: the policy that drew it is gone."""
    loss = own("LowCodes", objective={"updates": 3, "ratio_to": "old", "truncated": "masked"}, guards=off(make_run))
    sections = {"schedule": {"steps": 6, "warmup_steps": 0}, "run": {"save_every": 5}}
    train(make_run("whole", loss=loss, **sections))
    broken = make_run("broken", loss=loss, **sections)
    train(make_run("broken", loss=loss, **{**sections, "schedule": {**sections["schedule"], "stop_steps": 5}}))
    train(broken)
    assert_same(tmp_path / "whole", tmp_path / "broken")
    rows = read_rows(tmp_path / "whole" / "log.csv")
    assert [row["rewards/own/mean"] for row in rows[:3]] == [rows[0]["rewards/own/mean"]] * 3


def test_groups_that_are_all_alike_are_dropped_and_move_nothing(make_run: Any, tmp_path: Path) -> None:
    """A reward that is the same for all: drawn four times, then dropped; no momentum, no decay, no step."""
    loss = own("LowCodes", guards=off(make_run), advantages={"flat": 10.0})
    config = make_run("flat", loss=loss, optimizer={"learning_rate": 0.1, "weight_decay": 0.5})
    before = {name: value.clone() for name, value in started(config).items()}
    train(config)
    after = trained_weights(tmp_path / "flat")
    assert all(torch.equal(before[name], after[name]) for name in before)
    row = read_rows(tmp_path / "flat" / "log.csv")[0]
    assert (row["groups/decoded"], row["groups/resampled"], row["groups/dropped"], row["groups/trained"]) == (
        "8.0", "6.0", "2.0", "0.0",
    )  # fmt: skip


def started(config: Any) -> dict[str, torch.Tensor]:
    from glmtts.training.registry import create_task

    task = create_task(config)
    model = task.build()
    task.start(model)
    return model.state_dict()


def off(make_run: Any) -> dict[str, Any]:
    return make_run().loss["guards"]


@pytest.mark.parametrize(("learn_from", "distribution"), [("all", "sampled"), ("best", "softmax")])
def test_a_known_optimum_is_reached_and_the_bundle_exported(
    learn_from: str, distribution: str, make_run: Any, bundle: Path, tmp_path: Path
) -> None:
    """A reward for the code 0 alone: 1 of 16 codes at first, most of them in the end."""
    objective = {"ratio_to": "old", "distribution": distribution}
    advantages = {"flat": 1e-6, "learn_from": learn_from}
    loss = own("LowCodes", guards=off(make_run), objective=objective, advantages=advantages)
    config = make_run(
        "known",
        loss=loss,
        data={"answers": 8},
        optimizer={"learning_rate": 0.04, "weight_decay": 0.0},
        schedule={"steps": 15, "warmup_steps": 0},
    )
    train(config)
    rows = read_rows(tmp_path / "known" / "log.csv")
    first, last = (float(rows[place]["rewards/own/mean"]) for place in (0, -1))
    assert first < 0.3 and last > 0.8, (first, last)
    out = export_bundle(config, tmp_path / "bundle")
    weights, trained = Bundle.open(out).network("lm").state_dict(), trained_weights(config.run.out)
    assert all(torch.allclose(weights[name], value, atol=1e-3) for name, value in trained.items())


def test_rewards_are_of_float32_whatever_is_trained_in(make_run: Any, tmp_path: Path) -> None:
    """In bfloat16 a rendered answer had no embedding, and a likelihood was not the one that `mini` chooses by."""
    rewards = {"likelihood": {}, "similarity": {"weight": 0.1}}
    loss = {"rewards": rewards, "advantages": {"flat": 1e-6, "resamplings": 0}, "guards": off(make_run)}
    short = {"schedule": {"steps": 1, "warmup_steps": 0}}
    found = []
    for precision in ("no", "bf16"):
        train(make_run(precision, loss=loss, run={"precision": precision}, **short))
        (row,) = read_rows(tmp_path / precision / "log.csv")
        found.append([row["rewards/likelihood/mean"], row["rewards/similarity/mean"], row["figures/loudness_db"]])
    assert found[0] == found[1]


def test_adapters_train_alone_and_are_merged(make_run: Any, bundle: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    loss = own("LowCodes", guards=off(make_run), objective={"ratio_to": "old"})
    model = {"bundle": str(bundle), "lora_rank": 4}
    config = make_run("lora", loss=loss, model=model, optimizer={"learning_rate": 0.05, "weight_decay": 0.0})
    before = started(config)
    train(config)
    after = trained_weights(tmp_path / "lora")
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved and all("lora_" in name for name in moved)
    exported = Bundle.open(export_bundle(config, tmp_path / "merged")).network("lm").state_dict()
    plain = Bundle.open(bundle).network("lm").state_dict()
    changed = {name for name in plain if (exported[name] - plain[name]).abs().max() > 1e-3}
    assert changed and all("proj" in name for name in changed)


def test_what_a_run_leaves_to_look_at(make_run: Any, tmp_path: Path) -> None:
    """Metrics by trl's names, figures of held-out texts, and audio of the same texts each time."""
    train(make_run("logged", log={"evaluate_every": 2, "sample_every": 2}, schedule={"steps": 2, "warmup_steps": 0}))
    run = tmp_path / "logged"
    trl = {
        "reward",
        "reward_std",
        "frac_reward_zero_std",
        "kl",
        "entropy",
        "clip_ratio/region_mean",
        "rewards/cer/mean",
    }
    trl |= {"completions/mean_length", "completions/clipped_ratio"}
    assert trl <= read_rows(run / "log.csv")[0].keys()
    (figures,) = read_rows(run / "evaluation.csv")
    assert {"eval/phoneme_error", "eval/silence", "eval/similarity", "eval/tokens_per_phoneme"} <= figures.keys()
    assert len(list((run / "samples").glob("*.wav"))) == 2


def test_the_longest_copy() -> None:
    assert longest_copy([1, 2, 3, 4, 5], [9, 2, 3, 4, 9]) == 3
    assert longest_copy([1, 2], [3, 4]) == 0
