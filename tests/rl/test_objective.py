"""The objective against the NumPy reference and finite differences; ε matters as the report says, and not otherwise."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from glmtts.errors import ConfigError
from glmtts.rl.objective import ObjectiveConfig, TokenTerms, policy_loss
from glmtts.rl.schedules import Schedule
from glmtts.training.registry import create_task
from tests.rl import reference


def random_terms(seed: int, spread: float = 0.4) -> TokenTerms:
    """Some 30 tokens of 5 answers, in double precision; ratios on both sides of the clips."""
    rng = np.random.default_rng(seed)
    rows = np.sort(np.concatenate([np.arange(5), rng.integers(0, 5, 25)]))
    policy = -rng.random(len(rows)) * 4
    values = [
        policy,
        policy + spread * rng.standard_normal(len(rows)),
        policy + spread * rng.standard_normal(len(rows)),
    ]
    advantages = rng.standard_normal(5)[rows]
    tensors = [torch.from_numpy(value) for value in (*values, advantages, rng.random(len(rows)), rows)]
    return TokenTerms(*tensors, rows=5)


@pytest.mark.parametrize("level", ["token", "sequence"])
def test_equal_to_the_reference(level: str) -> None:
    config = ObjectiveConfig(level=level, kl=0.3, entropy=0.05)
    for seed in range(50):
        terms = random_terms(seed)
        arrays = [t.numpy() for t in (terms.log_probs_N, terms.behind_N, terms.advantages_N, terms.rows_N)]
        wanted = reference.objective(*arrays, 0.2, 0.3, level)
        wanted += 0.3 * reference.k3(terms.log_probs_N.numpy(), terms.reference_N.numpy())
        wanted -= 0.05 * float(terms.entropies_N.mean())
        loss, metrics = policy_loss(terms, config, 0.2, 0.3)
        assert float(loss) == pytest.approx(wanted, abs=1e-6)
        assert float(metrics["clip_ratio/region_mean"]) > 0 or level == "sequence"


def toy_terms(
    weights_SC: Tensor, behind_N: Tensor, drawn_N: Tensor, advantages_N: Tensor, rows_N: Tensor
) -> TokenTerms:
    """A toy policy: one categorical distribution a position."""
    log_probs_SC = weights_SC.log_softmax(1)
    entropies_N = torch.special.entr(log_probs_SC.exp()).sum(1)[: len(drawn_N)]
    chosen_N = log_probs_SC.gather(1, drawn_N[:, None])[:, 0]
    return TokenTerms(chosen_N, behind_N, behind_N, advantages_N, entropies_N, rows_N, 2)


@pytest.mark.parametrize("level", ["token", "sequence"])
def test_the_gradient_is_that_of_finite_differences(level: str) -> None:
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(6, 4, generator=generator, dtype=torch.float64)
    drawn, rows = torch.randint(0, 4, (6,), generator=generator), torch.tensor([0, 0, 0, 1, 1, 1])
    behind = weights.log_softmax(1).gather(1, drawn[:, None])[:, 0] + 0.3 * torch.randn(6, generator=generator)
    advantages = torch.tensor([1.0, 1.0, 1.0, -0.7, -0.7, -0.7], dtype=torch.float64)
    config = ObjectiveConfig(level=level, kl=0.2, entropy=0.1)

    def loss(values: Tensor) -> Tensor:
        return policy_loss(toy_terms(values, behind, drawn, advantages, rows), config, 0.2, 0.3)[0]

    assert torch.autograd.gradcheck(loss, [weights.requires_grad_()], eps=1e-6, atol=1e-6)


@pytest.mark.parametrize(("ratio_to", "matters"), [("reference", True), ("old", False)])
def test_epsilon_matters_to_the_reference_only(ratio_to: str, matters: bool) -> None:
    """At the first update after a rollout π is π_old: the ratio is 1; clip, clip-higher and schedules do nothing."""
    terms = random_terms(3)
    behind = terms.reference_N if ratio_to == "reference" else terms.log_probs_N.clone()
    terms, config = replace(terms, behind_N=behind), ObjectiveConfig(ratio_to=ratio_to)
    losses = {float(policy_loss(terms, config, low, high)[0]) for low, high in ((0.2, 0.2), (0.2, 0.3), (0.4, 1.0))}
    assert (len(losses) > 1) == matters


def test_schedules() -> None:
    rising = Schedule(start=0.2, end=0.3, steps=1000)
    for step in (0, 1, 499, 999, 1000, 5000):
        assert rising.at(step, 7) == pytest.approx(reference.linear(0.2, 0.3, 1000, step), abs=1e-9)
    with pytest.raises(ConfigError, match="steps=9 lead nowhere"):
        Schedule.parse({"start": 0.2, "steps": 9})
    whole = Schedule(start=1.0, end=3.0)
    assert [whole.at(step, 11) for step in (0, 5, 10)] == pytest.approx([1.0, 2.0, 3.0])
    with pytest.raises(ConfigError, match="steps of its own"):
        whole.at(3, None)
    assert Schedule.model_validate(0.3).at(10**6, 1) == 0.3


def test_a_bandit_reaches_its_optimum() -> None:
    """Five arms, sampled and normalised in groups of eight; the best one is unlikely at first."""
    means = torch.tensor([0.1, 0.9, 0.3, 0.5, 0.2])
    generator = torch.Generator().manual_seed(0)
    logits = torch.tensor([1.0, -2.0, 0.0, 1.0, 0.0], requires_grad=True)
    start = logits.detach().log_softmax(0)
    optimizer, config = torch.optim.Adam([logits], lr=0.05), ObjectiveConfig(ratio_to="old")
    for _ in range(300):
        log_probs = logits.log_softmax(0)
        arms = torch.multinomial(log_probs.detach().exp(), 8, replacement=True, generator=generator)
        rewards = means[arms] + 0.05 * torch.randn(8, generator=generator)
        advantages = (rewards - rewards.mean()) / rewards.std(correction=0)
        entropy = torch.special.entr(log_probs.exp()).sum().expand(8)
        taken = log_probs[arms]
        terms = TokenTerms(taken, taken.detach(), start[arms], advantages, entropy, torch.arange(8), 8)
        loss, _ = policy_loss(terms, config, 0.2, 0.3)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(logits.detach().softmax(0)[1]) > 0.95


@pytest.mark.parametrize("where", ["data.temperature", "loss.objective.clip_low", "loss.objective.clip_high"])
def test_a_schedule_without_an_end_is_refused_before_the_first_rollout(where: str, make_run: Any) -> None:
    """A run of minutes has no last step; nothing is decoded to find that out."""
    plain, (section, *rest) = make_run(), where.split(".")
    inner = {rest[-1]: {"start": 0.2, "end": 0.4}}
    changed = inner if section == "data" else {**plain.loss, rest[0]: inner}
    minutes = {section: changed, "schedule": {"steps": None, "minutes": 1}}
    with pytest.raises(ConfigError, match="measured in minutes"):
        create_task(make_run(**minutes)).check()
    inner[rest[-1]]["steps"] = 5
    create_task(make_run(**minutes)).check()
