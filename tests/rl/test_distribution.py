"""The log-probabilities are those of what the decoder draws: nucleus, repetition and bounds included."""

import pytest
import torch

from glmtts.lm.request import Request, SamplingConfig
from glmtts.lm.sampling import draw
from glmtts.rl.distribution import Support

CHOICES = 6
CONFIGS = {
    "whole softmax": SamplingConfig(temperature=0.7, top_p=1.0, top_k=100, repetition_threshold=2.0),
    "nucleus": SamplingConfig(temperature=1.3, top_p=0.8, top_k=4, repetition_threshold=2.0),
    "repetition": SamplingConfig(top_p=0.9, top_k=5, repetition_window=3, repetition_threshold=0.5),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_frequencies_of_the_decoder(name: str) -> None:
    """15,000 draws after the same history, against P(x) for every x."""
    sampling, history, draws = CONFIGS[name], [2, 1, 2, 2], 15_000
    logits = torch.randn(CHOICES, generator=torch.Generator().manual_seed(5)) * 1.5
    logits[2] += 2
    generator = torch.Generator().manual_seed(1)
    requests = [Request([], sampling, 1, generator, tokens=list(history)) for _ in range(draws)]
    counts = torch.bincount(torch.tensor(draw(logits.expand(draws, -1), requests)), minlength=CHOICES)
    expected = probabilities(logits, sampling, history)
    assert float(expected.sum()) == pytest.approx(1.0, abs=1e-5)
    assert torch.equal(counts > 0, expected > 0)
    assert (counts / draws - expected).abs().max() < 4 * 0.5 / draws**0.5


def probabilities(logits: torch.Tensor, sampling: SamplingConfig, history: list[int]) -> torch.Tensor:
    """P of every choice as the draw after `history`."""
    rows = logits.expand(len(history) + 1, -1)
    found = []
    for choice in range(CHOICES):
        tokens = [*history, choice]
        support = Support.of(rows, sampling, torch.zeros(len(tokens), dtype=torch.bool), [tokens])
        found.append(support.log_probs(rows, torch.tensor(tokens))[0][-1].exp())
    return torch.stack(found)


def test_the_end_of_audio_is_impossible_where_it_was_masked() -> None:
    logits = torch.zeros(2, CHOICES)
    support = Support.of(logits, CONFIGS["whole softmax"], torch.tensor([True, False]), [[0, CHOICES - 1]])
    log_probs, entropies = support.log_probs(logits, torch.tensor([0, CHOICES - 1]))
    assert log_probs.exp().tolist() == pytest.approx([1 / (CHOICES - 1), 1 / CHOICES])
    assert entropies.exp().tolist() == pytest.approx([CHOICES - 1, CHOICES])


@pytest.mark.parametrize("name", CONFIGS)
def test_gradients_are_finite(name: str) -> None:
    logits = torch.randn(5, CHOICES, generator=torch.Generator().manual_seed(0), requires_grad=True)
    tokens = [2, 2, 2, 1, CHOICES - 1]
    support = Support.of(logits, CONFIGS[name], torch.zeros(5, dtype=torch.bool), [tokens])
    log_probs, entropies = support.log_probs(logits, torch.tensor(tokens))
    (log_probs.where(torch.isfinite(log_probs), 0).sum() + entropies.sum()).backward()
    assert torch.isfinite(logits.grad).all()
    assert logits.grad.abs().sum() > 0


@pytest.mark.parametrize("name", CONFIGS)
def test_what_was_drawn_stays_possible_where_a_forward_rounds_otherwise(name: str) -> None:
    """Random logits for the draws of other ones: many lie outside the nucleus then, as those on its edge do."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(200, CHOICES, generator=generator) * 3
    tokens = torch.randint(CHOICES, (200,), generator=generator)
    support = Support.of(logits, CONFIGS[name], torch.zeros(200, dtype=torch.bool), [tokens.tolist()])
    before, mended = support.log_probs(logits, tokens)[0], support.with_drawn(tokens).log_probs(logits, tokens)[0]
    assert torch.isfinite(mended).all()
    assert torch.equal(mended[torch.isfinite(before)], before[torch.isfinite(before)])
    assert torch.isfinite(before).all() == (name == "whole softmax")


def test_the_gradient_of_the_entropy_is_finite_where_a_choice_is_impossible() -> None:
    """The end of audio that was masked, and a choice whose probability is no float32: −p (log p + H), 0 at p = 0."""
    logits = torch.tensor([[0.0, 1.0, -500.0, 2.0], [1.0, 0.0, 3.0, 2.0]], requires_grad=True)
    support = Support.softmax(logits, torch.tensor([True, False]))
    entropies = support.log_probs(logits, torch.tensor([0, 3]))[1]
    entropies.sum().backward()
    for row, places in ((0, [0, 1, 2]), (1, [0, 1, 2, 3])):
        p = logits.detach()[row, places].double().softmax(0)
        log_p = logits.detach()[row, places].double().log_softmax(0)
        entropy = -(p * log_p).sum()
        assert float(entropies[row].detach()) == pytest.approx(float(entropy), rel=1e-5)
        assert logits.grad[row, places].tolist() == pytest.approx((-p * (log_p + entropy)).tolist(), abs=1e-6)
    assert logits.grad[0, 3] == 0
