"""How a codebook is trained: averages, dead codes, the k-means that it begins as."""

import torch
from torch import Tensor

from glmtts.speech_tokenizer.codebook import Codebook
from glmtts.speech_tokenizer.codebook_training import CodebookTraining


def started(codes: int, width: int) -> tuple[Codebook, CodebookTraining]:
    codebook, training = Codebook(codes, width), CodebookTraining(codes, width, warmup=False).train()
    training.reset_ema(codebook)
    return codebook, training


def step(
    codebook: Codebook, training: CodebookTraining, *batches: Tensor, decay: float = 0.9, restart: int = 1000
) -> None:
    """One step over several micro-batches."""
    for vectors in batches:
        training.quantise(codebook, vectors)
    training.update(codebook, decay, restart)


def test_codes_follow_their_vectors() -> None:
    codebook, training = started(2, 4)
    centres = torch.tensor([[5.0] * 4, [-5.0] * 4])
    for _ in range(30):
        step(codebook, training, centres.repeat(20, 1) + 0.01 * torch.randn(40, 4), decay=0.5)
    found = codebook.weight[codebook.nearest(centres)]
    torch.testing.assert_close(found, centres, atol=0.1, rtol=0)


def test_micro_batches_count_as_one_batch() -> None:
    """Codes stand still within a step, and then move to all of its vectors."""
    vectors, (one, first), (other, second) = torch.randn(60, 3), started(4, 3), started(4, 3)
    other.load_state_dict(one.state_dict())
    second.reset_ema(other)
    step(one, first, vectors)
    step(other, second, vectors[:10], vectors[10:])
    torch.testing.assert_close(one.weight, other.weight)
    torch.testing.assert_close(first.hits, second.hits)


def test_starts_as_the_k_means_of_the_last_vectors() -> None:
    codebook, training = Codebook(4, 2), CodebookTraining(4, 2, warmup=True).train()
    centres = torch.tensor([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0], [9.0, 9.0]])
    for vectors in (100 + torch.randn(20, 2), *(centres.repeat(3, 1) + 0.1 * torch.randn(12, 2) for _ in range(3))):
        training.remember(vectors)
        training.keep_recent()
    assert len(training.recent) == 32
    assert training.recent.max() < 50
    training.start(codebook, iterations=30)
    distance = (codebook.weight[codebook.nearest(centres)] - centres).norm(dim=1)
    assert distance.max() < 5
    assert torch.equal(training.ema_weight, codebook.weight)


def test_dead_codes_come_back() -> None:
    codebook, training = started(4, 2)
    vectors = torch.randn(64, 2)
    step(codebook, training, vectors, restart=10)
    with torch.no_grad():
        codebook.weight[3] = 1000.0
        training.ema_weight[3] = 1000.0
        training.ema_count[3] = 1.0
    for _ in range(20):
        step(codebook, training, vectors, restart=10)
    assert codebook.weight[3].abs().max() < 10


def test_a_code_that_is_seldom_taken_stays() -> None:
    codebook, training = started(2, 2)
    often, seldom = torch.tensor([[5.0, 5.0]]), torch.tensor([[-5.0, -5.0]])
    with torch.no_grad():
        codebook.weight.copy_(torch.cat([often, seldom]))
    training.reset_ema(codebook)
    for number in range(60):
        step(codebook, training, seldom if number % 19 == 0 else often, restart=20)
    torch.testing.assert_close(codebook.weight[1:], seldom, atol=0.1, rtol=0)


def test_a_code_that_is_never_taken_stays() -> None:
    """Its count and its sum fall to nothing together, and what they mean must not become zero."""
    codebook, training = started(2, 2)
    with torch.no_grad():
        codebook.weight.copy_(torch.tensor([[5.0, 5.0], [-5.0, -5.0]]))
    training.reset_ema(codebook)
    for decay in (0.0, *[0.5] * 40):
        step(codebook, training, torch.tensor([[5.0, 5.0]]), decay=decay)
    torch.testing.assert_close(codebook.weight[1], torch.tensor([-5.0, -5.0]))
    step(codebook, training, torch.tensor([[-4.0, -4.0]]), decay=0.5)
    torch.testing.assert_close(codebook.weight[1], torch.tensor([-4.0, -4.0]))


def test_vectors_that_are_no_numbers_teach_nothing() -> None:
    """As of a step that the optimizer leaves out: a single one would stay in the averages for ever."""
    vectors = torch.randn(12, 2)
    broken = torch.cat([vectors, torch.tensor([[torch.nan, 0.0], [torch.inf, 1.0]])])
    (one, first), (other, second) = started(3, 2), started(3, 2)
    other.load_state_dict(one.state_dict())
    second.reset_ema(other)
    for restart in (1000, 1):
        torch.manual_seed(0)
        step(one, first, vectors, restart=restart)
        torch.manual_seed(0)
        step(other, second, broken, restart=restart)
        torch.testing.assert_close(other.weight, one.weight)
    step(one, first, broken[12:], restart=1)  # there is no vector to begin a code anew from
    assert torch.isfinite(one.weight).all()
    warm = CodebookTraining(3, 2, warmup=True).train()
    warm.remember(broken)
    warm.keep_recent()
    assert int(warm.recent_total) == 12
    assert torch.isfinite(warm.recent).all()


def test_a_step_without_vectors_teaches_nothing() -> None:
    codebook, training = Codebook(4, 2), CodebookTraining(4, 2, warmup=True)
    training.reset_ema(codebook)
    before = codebook.weight.clone()
    training.keep_recent()
    training.update(codebook, 0.9, restart_interval=1)
    torch.testing.assert_close(codebook.weight.detach(), before)
    assert not training.recent_total


def test_gradient_passes_straight_through() -> None:
    codebook, training = started(4, 2)
    vectors = torch.randn(5, 2, requires_grad=True)
    quantised, ids, commitment = training.eval().quantise(codebook, vectors)
    torch.testing.assert_close(quantised, codebook.weight[ids])
    quantised.sum().backward()
    torch.testing.assert_close(vectors.grad, torch.ones(5, 2))
    torch.testing.assert_close(commitment, (vectors - codebook.weight[ids]).square().mean())
