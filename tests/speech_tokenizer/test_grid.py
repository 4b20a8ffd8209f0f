"""Finite scalar quantisation, several labels a token, and heads that only measure."""

import itertools

import pytest
import torch

from glmtts.errors import ConfigError
from glmtts.judging.recogniser import TokenRecogniser
from glmtts.speech_tokenizer.batches import collate
from glmtts.speech_tokenizer.codebook import Codebook, grid, straight_through
from glmtts.speech_tokenizer.evaluation import evaluate
from glmtts.speech_tokenizer.heads import SpeechTokenizerTraining
from glmtts.speech_tokenizer.model import SpeechTokenizer, SpeechTokenizerConfig
from glmtts.speech_tokenizer.train import TokenizerLoss, tokenizer_loss
from tests.speech_tokenizer.test_training import TINY, utterances

GRID = {"levels": (3, 4), "codes": 12, "code_width": 2}


def config_of(**changes: object) -> SpeechTokenizerConfig:
    return SpeechTokenizerConfig(**{**TINY.model_dump(), **changes})


@pytest.mark.parametrize("levels", [(3, 3, 3), (8, 5), (2,)])
def test_the_nearest_point_is_each_value_rounded(levels: tuple[int, ...]) -> None:
    codebook = Codebook(len(grid(levels)), len(levels))
    codebook.weight.data.copy_(grid(levels))
    vectors = torch.empty(500, len(levels)).uniform_(-1, 1)
    ids = codebook.nearest(vectors)
    places = itertools.product(*(range(count) for count in levels))
    numbers = {place: number for number, place in enumerate(places)}
    steps = torch.tensor([count - 1 for count in levels])
    rounded = ((vectors + 1) / 2 * steps).round().long().tolist()
    assert ids.tolist() == [numbers[tuple(place)] for place in rounded]


def test_the_gradient_goes_straight_through() -> None:
    codebook, vectors = Codebook(12, 2), torch.randn(5, 2, requires_grad=True)
    codebook.weight.data.copy_(grid((3, 4)))
    codes, ids = straight_through(codebook, vectors)
    torch.testing.assert_close(codes, codebook.weight[ids])
    (codes * torch.arange(10.0).view(5, 2)).sum().backward()
    assert torch.equal(vectors.grad, torch.arange(10.0).view(5, 2))


def test_a_grid_learns_and_stays_where_it_is() -> None:
    torch.manual_seed(0)
    model, batch = SpeechTokenizerTraining(config_of(**GRID), 1, pitch=True, mel=True), collate(utterances(2))
    optimizer, losses = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 3e-3), []
    for _ in range(40):
        loss, metrics = tokenizer_loss(model.train(), batch, TokenizerLoss())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
    assert metrics["commitment"] == 0
    assert torch.equal(model.tokenizer.codebook.weight, grid((3, 4)))
    assert evaluate(model.eval(), [batch])["codes_used"] > 1 / 12


def test_a_grid_of_another_size_than_its_codes_is_refused() -> None:
    with pytest.raises(ValueError, match="make 12 codes of width 2"):
        config_of(**{**GRID, "codes": 13})


def test_tokens_of_a_grid_are_its_points() -> None:
    tokens = SpeechTokenizer(config_of(**GRID)).eval().tokenize(0.1 * torch.randn(16000))
    assert len(tokens) == 25
    assert int(tokens.max()) < 12


def test_two_labels_a_token_are_trained_and_are_no_judge() -> None:
    model = SpeechTokenizerTraining(config_of(pooling=4, labels_per_token=2), 1, pitch=False, mel=False)
    batch = collate(utterances(2), pooling=4)
    output = model.eval()(batch)
    assert output["logits_BSV"].shape[1] == 2 * output["tokens_BS"].shape[1] == 20
    loss, _ = tokenizer_loss(model.train(), batch, TokenizerLoss())
    assert loss.isfinite()
    with pytest.raises(ConfigError, match="several labels a token"):
        TokenRecogniser.of(model.asr, model.code_vectors())


@pytest.mark.parametrize("probes", [(), ("pitch", "mel")])
def test_heads_that_measure_change_nothing_else(probes: tuple[str, ...]) -> None:
    model = SpeechTokenizerTraining(TINY, 1, pitch=True, mel=True, probes=probes).train()
    output = model(collate(utterances(2)))
    (output["mel_BTM"].sum() + output["pitch_BT"].sum()).backward()
    assert model.mel is not None
    assert all(parameter.grad is not None for parameter in model.mel.parameters() if parameter.requires_grad)
    moved = [parameter.grad for parameter in model.expand.parameters()]
    assert all((grad is None) == bool(probes) for grad in moved)
