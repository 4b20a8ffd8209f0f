"""Drawing without the host: the distribution of lm/sampling.py, and numbers that depend on seed and place alone."""

import torch

from glmtts.lm.request import Request, SamplingConfig
from glmtts.lm.sampling import draw as host_draw
from glmtts.lm.static.buffers import Rules
from glmtts.lm.static.sampling import draw, recent_codes, uniform

ROWS = 4000


def rules(how: SamplingConfig, least: int = 0, repeats: int = 1) -> Rules:
    ones = torch.ones(ROWS, dtype=torch.long)
    return Rules(
        start=ones,
        seed=torch.arange(ROWS),
        least=least * ones,
        top_k=how.top_k * ones,
        window=how.repetition_window * ones,
        repeats=repeats * ones,
        temperature=how.temperature * ones.float(),
        top_p=how.top_p * ones.float(),
    )


def shares(codes: torch.Tensor, count: int) -> torch.Tensor:
    return torch.bincount(codes, minlength=count) / len(codes)


def test_shares_are_those_of_the_host() -> None:
    logits = torch.randn(12, generator=torch.Generator().manual_seed(3))
    for how in (
        SamplingConfig(top_p=0.7, top_k=25),
        SamplingConfig(top_p=1, top_k=4, temperature=1.3),
        SamplingConfig(top_p=1, top_k=100),
    ):
        none = torch.full((ROWS, 1), -1)
        ours = draw(logits.repeat(ROWS, 1), rules(how), none, torch.zeros(ROWS, dtype=torch.long), 128)
        generator = torch.Generator().manual_seed(0)
        theirs = host_draw(logits.repeat(ROWS, 1), [Request([], how, 1, generator)] * ROWS)
        assert (shares(ours, 12) - shares(torch.tensor(theirs), 12)).abs().max() < 0.04
        assert set(ours.tolist()) == set(theirs)


def test_a_token_of_the_window_is_drawn_from_the_whole_softmax() -> None:
    logits, how = torch.tensor([5.0, 0.0, 0.0, -1.0]), SamplingConfig(top_k=1)
    recent = torch.zeros(ROWS, 1, dtype=torch.long)
    codes = draw(logits.repeat(ROWS, 1), rules(how), recent, torch.ones(ROWS, dtype=torch.long), 32)
    assert (shares(codes, 4) - logits.softmax(0)).abs().max() < 0.01
    twice = draw(logits.repeat(ROWS, 1), rules(how, repeats=2), recent, torch.ones(ROWS, dtype=torch.long), 32)
    assert set(twice.tolist()) == {0}


def test_greedy_rows_take_the_likeliest_and_speech_does_not_end_too_early() -> None:
    logits, how = torch.tensor([1.0, 2.0, 9.0]), SamplingConfig(temperature=0)
    recent, count = torch.full((ROWS, 1), 1), torch.full((ROWS,), 2)
    assert set(draw(logits.repeat(ROWS, 1), rules(how, least=3), recent, count, 32).tolist()) == {1}
    assert set(draw(logits.repeat(ROWS, 1), rules(how, least=2), recent, count, 32).tolist()) == {2}


def test_the_window_holds_the_last_codes_of_the_speech() -> None:
    one = rules(SamplingConfig(repetition_window=3))
    few = Rules(*(getattr(one, name)[:1] for name in Rules.__dataclass_fields__))
    ids = torch.tensor([[9, 10, 11, 12, 13, 14, 99]])
    assert recent_codes(ids, torch.tensor([5]), few, 10).tolist() == [[-1, -1, -1, 2, 3, 4, -1]]
    assert recent_codes(ids, torch.tensor([2]), few, 10).tolist() == [[-1, 0, 1, -1, -1, -1, -1]]


def test_numbers_are_even_and_independent_of_each_other() -> None:
    seeds, places = torch.arange(200).repeat_interleave(200), torch.arange(200).repeat(200)
    numbers = uniform(seeds, places).view(200, 200)
    assert float(numbers.min()) >= 0 and float(numbers.max()) < 1
    assert (torch.histc(numbers.float(), 20, 0, 1) / numbers.numel() - 0.05).abs().max() < 0.005
    for one, other in ((numbers[:, 1:], numbers[:, :-1]), (numbers[1:], numbers[:-1])):
        assert abs(float(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1])) < 0.02
