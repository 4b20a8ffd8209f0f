"""Guards: what they watch, and that they catch rewards that can be exploited."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from glmtts.errors import ConfigError, RlError
from glmtts.rl.figures import audio_figures, f0_deviation, frame_levels, silent_share
from glmtts.rl.grpo import PolicyTask
from glmtts.rl.guards import Band, GuardConfig, Guards
from glmtts.rl.rewards.base import Completion
from glmtts.training.registry import create_task
from tests.training.runs import train

OWN = "tests.rl.own_rewards"
RATE = 24000


def tone(hertz: np.ndarray) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * np.cumsum(hertz) / RATE)).astype(np.float32)


def test_bands_are_compared_with_the_beginning() -> None:
    guards = Guards(GuardConfig(bands={"entropy": Band(fall=0.5, then="stop")}, settle=2, patience=2))
    assert guards.watch(0, {"entropy": 4.0}) == guards.watch(1, {"entropy": 2.0}) == []
    assert guards.watch(2, {"entropy": 1.6}) == []
    assert guards.watch(3, {"entropy": 1.4}) == []
    assert guards.watch(4, {"entropy": 3.0}) == []
    assert guards.watch(5, {"entropy": 1.4}) == []
    with pytest.raises(RlError, match=r"stopped at step 6: entropy is 1.2, outside of 1.5 to inf"):
        guards.watch(6, {"entropy": 1.2})


@pytest.mark.parametrize(
    ("figure", "first", "healthy", "wrong"),
    [("second_asr_error", 0.0, 0.04, 0.2), ("silence", 0.0, 0.08, 0.3), ("similarity", 0.01, -0.01, -0.2)],
)
def test_a_figure_that_begins_at_nothing_may_move(figure: str, first: float, healthy: float, wrong: float) -> None:
    """By the usual bands, as an evaluation is watched: a share of nothing is nothing."""
    guards = Guards(GuardConfig(settle=1, patience=1, second_asr="another"))
    assert guards.watch(0, {figure: first}) == guards.watch(1, {figure: healthy}) == []
    with pytest.raises(RlError, match=figure):
        guards.watch(2, {figure: wrong})


def test_margins_are_the_figures_own_or_the_bands_and_leave_larger_changes() -> None:
    config = GuardConfig(bands={"truncated": Band(rise=0.5), "phoneme_error": Band(rise=0.5, margin=0.2)})
    asked = [("truncated", 0.0), ("phoneme_error", 0.0), ("phoneme_error", 0.8), ("second_asr_error", 0.4)]
    highest = [band.limits(first)[1] for name, first in asked if (band := config.band(name)) is not None]
    assert highest == pytest.approx([0.05, 0.2, 1.2, 0.6])
    with pytest.raises(ConfigError, match="margin"):
        GuardConfig.parse({"bands": {"truncated": {"margin": -1}}})


ENTROPIES = [4.0, 4.0, 1.0, 1.0, 3.0, 1.0, 1.0, 3.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("killed", [1, 3, 4, 7, 9])
@pytest.mark.parametrize("checkpoint", [0, 1, 3, 6])
def test_steps_that_are_made_again_are_not_counted_again(killed: int, checkpoint: int, tmp_path: Path) -> None:
    """Killed after a step and gone on from a checkpoint before it: the run stops where an unbroken one does."""
    config = GuardConfig(bands={"entropy": Band(fall=0.5, then="stop")}, settle=2, patience=3)
    path = tmp_path / "g.json"
    first = Guards(config, path)
    for step in range(killed + 1):
        assert first.watch(step, {"entropy": ENTROPIES[step]}) == []
    again = Guards(config, path)
    for step in range(min(checkpoint, killed + 1), 10):
        assert again.watch(step, {"entropy": ENTROPIES[step]}) == []
    with pytest.raises(RlError, match=r"stopped at step 10: entropy is 1, outside of 2 to inf"):
        again.watch(10, {"entropy": ENTROPIES[10]})


def test_micro_batches_of_a_step_all_count(tmp_path: Path) -> None:
    config = GuardConfig(bands={"entropy": Band(low=2.0, then="stop")}, patience=3)
    guards = Guards(config, tmp_path / "g.json")
    assert guards.watch(0, {"entropy": 1.0}) == guards.watch(0, {"entropy": 1.0}) == []
    with pytest.raises(RlError, match="stopped at step 0"):
        guards.watch(0, {"entropy": 1.0})


def test_a_file_of_an_earlier_version_is_read_and_a_damaged_one_named(tmp_path: Path) -> None:
    config = GuardConfig(bands={"entropy": Band(fall=0.5, then="stop")}, settle=2, patience=3)
    path = tmp_path / "g.json"
    path.write_text('{"first": {"entropy": [4.0, 4.0]}, "breaches": {"entropy": 2, "silence": 0}}')
    with pytest.raises(RlError, match="entropy is 1, outside of 2 to inf"):
        Guards(config, path).watch(7, {"entropy": 1.0})
    for damaged in ("", "[]", '{"first": {}}', '{"first": {}, "breaches": {"entropy": [["a", 1]]}}'):
        path.write_text(damaged)
        with pytest.raises(RlError, match=r"cannot be read\. Remove it"):
            Guards(config, path)


def test_a_warning_goes_on_and_a_resumed_run_remembers(tmp_path: Path) -> None:
    config = GuardConfig(bands={"dnsmos": Band(fall=0.1)}, settle=1, patience=1)
    assert Guards(config, tmp_path / "g.json").watch(0, {"dnsmos": 3.0}) == []
    assert len(Guards(config, tmp_path / "g.json").watch(1, {"dnsmos": 2.5})) == 1
    assert Guards(config, tmp_path / "g.json").watch(2, {"dnsmos": float("nan"), "unknown": 5.0}) == []


def test_bands_watch_something() -> None:
    """A band of DNSMOS has it heard; one that could never fire is refused."""
    assert GuardConfig.parse({"bands": {"dnsmos": {"low": 2.5}}}).hears_dnsmos
    assert not GuardConfig.parse({"bands": {"dnsmos": {}, "second_asr_error": {}}}).hears_dnsmos
    for bands, named in (
        ({"f0_devation": {"fall": 0.3}}, "f0_devation, and the figures are .*f0_deviation"),
        ({"second_asr_error": {"high": 0.5}}, "needs second_asr"),
        ({"similarity": {"then": "stop"}}, "stops nothing; give its bounds"),
        ({"silence": {"high": 0.4, "margin": 0.1}}, "neither is given"),
        ({"entropy": {"fall": float("nan")}}, "entropy.fall"),
    ):
        with pytest.raises(ConfigError, match=named):
            GuardConfig.parse({"bands": bands})


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    guards = Guards(GuardConfig(), tmp_path / "file" / "g.json")
    with pytest.raises(RlError, match="cannot be written"):
        guards.watch(1, {"entropy": 2.0})


def test_evaluations_are_compared_with_the_policy_at_the_start(make_run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One evaluation before the first step, in float32, and the true step in the sentence that stops."""
    similar = iter([0.9, 0.8])
    steps, precise = list[int](), list[bool]()

    def evaluated(task: PolicyTask, model: Any) -> dict[str, float]:
        steps.append(task.steps_done)
        precise.append(not torch.is_autocast_enabled("cpu"))
        return {"eval/similarity": next(similar)}

    monkeypatch.setattr("glmtts.rl.base_task.evaluated", evaluated)
    bands = {**make_run().loss["guards"]["bands"], "similarity": {"fall": 0.05, "then": "stop"}}
    loss = {**make_run().loss, "guards": {"bands": bands}}
    config = make_run(loss=loss, log={"evaluate_every": 2}, run={"precision": "bf16"}, optimizer={"micro_batches": 2})
    with pytest.raises(RlError, match=r"stopped at step 2: similarity is 0.8"):
        train(config)
    assert (steps, precise) == ([0, 2], [True, True])


def test_silence_and_loudness() -> None:
    half = np.concatenate([tone(np.full(RATE, 200.0)), np.zeros(RATE, dtype=np.float32)])
    assert silent_share(frame_levels(half, RATE)) == pytest.approx(0.5, abs=0.02)
    assert silent_share(frame_levels(np.zeros(RATE, dtype=np.float32), RATE)) == 1.0
    one = Completion("a", "a", "en", (), (1,), True, half, RATE)
    assert audio_figures([one])["loudness_db"] == pytest.approx(20 * np.log10(0.3 / 2**0.5), abs=0.2)


@pytest.mark.parametrize(("semitones", "base"), [(0.0, 200.0), (3.0, 120.0), (5.0, 220.0)])
def test_the_movement_of_pitch(semitones: float, base: float) -> None:
    course = semitones * np.sin(np.linspace(0, 12 * np.pi, 3 * RATE))
    assert f0_deviation(tone(base * 2 ** (course / 12)), RATE) == pytest.approx(semitones / 2**0.5, abs=0.3)


def test_noise_has_no_pitch() -> None:
    assert f0_deviation(np.random.default_rng(0).standard_normal(RATE).astype(np.float32), RATE) is None


EXPLOITS = {
    "loudness": ({"kind": f"{OWN}:Loudness"}, {"entropy": {"fall": 0.3, "then": "stop"}}, "entropy"),
    "silence": (
        {"kind": f"{OWN}:FewTokens"},
        {"tokens_per_phoneme": {"fall": 0.2, "then": "stop"}},
        "tokens_per_phoneme",
    ),
}


@pytest.mark.parametrize("name", EXPLOITS)
def test_a_planted_exploit_is_caught(name: str, make_run: Any) -> None:
    """A reward for loudness, and one for saying little: the policy finds them, the guards find it."""
    reward, bands, figure = EXPLOITS[name]
    guards = make_run().loss["guards"]
    guards = {"bands": {**guards["bands"], **bands}, "settle": 2, "patience": 1}
    loss = {
        "rewards": {"own": reward},
        "advantages": {"flat": 1e-6},
        "guards": guards,
        "objective": {"ratio_to": "old"},
    }
    config = make_run(
        name,
        loss=loss,
        data={"prompts": 1, "answers": 6},
        optimizer={"learning_rate": 0.05, "weight_decay": 0.0},
        schedule={"steps": 40, "warmup_steps": 0},
    )
    with pytest.raises(RlError, match=figure):
        train(config)


@pytest.mark.parametrize(
    ("name", "band", "said"),
    [
        ("entropy", {"fall": 25}, "fall is 25, a share of its first value"),
        ("similarity", {"low": 0.0}, "no similarity lies below 0"),
        ("truncated", {"high": 1.0}, "no truncated lies above 1"),
        ("dnsmos", {"low": 1}, "no dnsmos lies below 1"),
        ("silence", {"low": 0.5, "high": 0.2}, "every value is outside"),
    ],
)
def test_a_bound_that_nothing_or_everything_breaches_is_refused(name: str, band: dict[str, float], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        GuardConfig.parse({"bands": {name: band}})
    assert GuardConfig.parse({"bands": {"loudness_db": {"fall": 1.5}, "silence": {"rise": 2.0}}})


@pytest.mark.parametrize(
    ("guards", "named"),
    [
        ({"bands": {"similarity": {"fall": 0.1}}}, r"bands\.similarity"),
        ({"second_asr": "whisper-base"}, "second_asr"),
        ({"dnsmos": True}, "dnsmos"),
    ],
)
@pytest.mark.parametrize("task", ["grpo", "diffro"])
def test_guards_of_evaluations_need_evaluations(guards: dict[str, Any], named: str, task: str, make_run: Any) -> None:
    plain = make_run(task=task)
    loss = {**plain.loss, "guards": guards}
    create_task(plain).check()
    create_task(make_run(task=task, loss=loss, log={"evaluate_every": 2})).check()
    with pytest.raises(ConfigError, match=rf"loss\.guards\.{named} is watched in evaluations"):
        create_task(make_run(task=task, loss=loss)).check()
