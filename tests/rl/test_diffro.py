"""DiffRO: the noise is that of the draw, hard tokens read as tokens do, and the gradient is the reward's."""

import math
from pathlib import Path

import pytest
import torch

from glmtts.bundle import Bundle
from glmtts.rl.diffro import gumbel_given, read_relaxed, relaxed, spelling_loss
from glmtts.text.labels import LABEL_IDS, LABELS


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_noise_given_the_draw_is_that_of_the_gumbel_maximum() -> None:
    """Draw by Gumbel-max, draw the noise anew given the result: moments of both agree, and so does the maximum."""
    log_probs = torch.tensor([2.0, 0.0, -1.0, 1.0]).log_softmax(0).expand(200_000, -1)
    exponential = torch.empty_like(log_probs).exponential_(generator=generator(0))
    free = log_probs - exponential.log()
    drawn = free.argmax(1)
    given = gumbel_given(log_probs, drawn, generator(1))
    assert torch.equal(given.argmax(1), drawn)
    for choice in range(4):
        mine = drawn == choice
        assert given[mine].mean(0).tolist() == pytest.approx(free[mine].mean(0).tolist(), abs=0.06)
        assert given[mine].std(0).tolist() == pytest.approx(free[mine].std(0).tolist(), abs=0.08)


def test_hard_tokens_are_read_as_tokens(bundle: Path) -> None:
    """Two answers of unlike lengths, read together by one-hot vectors, and one by one by the recogniser."""
    recogniser = Bundle.open(bundle).recogniser
    tokens = [[3, 1, 4, 1, 5, 9], [2, 6, 5]]
    flat = torch.tensor([token for one in tokens for token in one])
    log_probs = torch.randn(9, 16, generator=generator(2)).log_softmax(1)
    hard = relaxed(log_probs, flat, 1.0, True, generator(3))
    read = read_relaxed(recogniser, hard, [6, 3])
    for row, one in enumerate(tokens):
        alone = recogniser.log_probs(torch.tensor([one]))[0]
        assert torch.allclose(read[row, : len(one)], alone, atol=1e-4)


def test_soft_tokens_become_hard_ones_without_softness() -> None:
    log_probs = torch.randn(50, 16, generator=generator(4)).log_softmax(1)
    drawn = torch.multinomial(log_probs.exp(), 1, generator=generator(5))[:, 0]
    cold = relaxed(log_probs, drawn, 1e-3, False, generator(6))
    assert torch.equal(cold.argmax(1), drawn)
    assert (cold.max(1).values > 0.99).float().mean() > 0.95


def test_the_gradient_is_that_of_finite_differences(bundle: Path) -> None:
    """Of the soft tokens, through recogniser and CTC, with the noise held."""
    recogniser = Bundle.open(bundle).recogniser.double()
    logits = torch.randn(7, 16, generator=generator(7), dtype=torch.float64)
    start, drawn, wanted = logits.log_softmax(1), logits.argmax(1), [["N", "I3"], ["H", "AO3"]]
    assert all(label in LABEL_IDS for one in wanted for label in one)

    def loss(values: torch.Tensor) -> torch.Tensor:
        log_probs = values.log_softmax(1)
        noise = gumbel_given(start, drawn, generator(8)) - start  # of the draw, whatever is learnt from it
        vectors = ((log_probs + noise) / 1.5).softmax(1) @ recogniser.codes.weight
        heard = recogniser.head(torch.stack([vectors[:4], torch.cat([vectors[4:], vectors[:1]])]), torch.ones(2, 4) > 0)
        return spelling_loss(heard.log_softmax(-1), [4, 3], wanted).sum()

    assert torch.autograd.gradcheck(loss, [logits.requires_grad_()], eps=1e-6, atol=1e-5)


def test_learning_lowers_the_loss(bundle: Path) -> None:
    """A toy policy, one distribution a token, trained by straight-through draws alone."""
    recogniser = Bundle.open(bundle).recogniser
    weights = torch.zeros(6, 16, requires_grad=True)
    optimizer, noise, losses = torch.optim.Adam([weights], lr=0.2), generator(9), list[float]()
    for _ in range(60):
        log_probs = weights.log_softmax(1)
        drawn = torch.multinomial(log_probs.detach().exp(), 1, generator=noise)[:, 0]
        tokens = relaxed(log_probs, drawn, 1.0, True, noise)
        loss = spelling_loss(read_relaxed(recogniser, tokens, [6]), [6], [["N", "I3"]]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-10:]) < 0.95 * sum(losses[:10])


def test_an_answer_that_is_too_short_for_its_text_is_not_the_best_one() -> None:
    """Every token says its label for sure: the fewer there are, the less is said."""
    wanted = ["N", "I3", "I3"]  # a blank between the two: four tokens
    path = [LABEL_IDS["N"], LABEL_IDS["I3"], 0, LABEL_IDS["I3"]]
    log_probs = torch.full((4, 4, len(LABELS)), -20.0, dtype=torch.float64)
    log_probs[:, torch.arange(4), path] = 0.0
    log_probs = log_probs.log_softmax(-1).requires_grad_()
    losses = spelling_loss(log_probs, [4, 3, 2, 1], [wanted] * 4)
    assert losses.tolist() == pytest.approx([0.0, *[math.log(len(LABELS))] * 3], abs=1e-4)
    losses.sum().backward()
    assert torch.isfinite(log_probs.grad).all()
    assert log_probs.grad[0].abs().sum() > 0 and not log_probs.grad[1:].any()
