"""The speech tokenizer: codebook, masks, lengths, training."""

import numpy as np
import pytest
import torch

from glmtts.errors import AudioError
from glmtts.judging.recogniser import TokenRecogniser
from glmtts.speech_tokenizer.codebook import Codebook
from glmtts.speech_tokenizer.encoder import EncoderLayer, attention_mask
from glmtts.speech_tokenizer.model import SpeechTokenizer, SpeechTokenizerConfig
from glmtts.speech_tokenizer.train import (
    SpeechTokenizerTraining,
    TokenizerExample,
    collate,
    evaluate,
    tokenizer_loss,
    tokens_from_hidden,
)
from glmtts.text.edits import edit_distance
from glmtts.text.labels import LABELS
from tests.tiny import tiny_speech_tokenizer

TINY = SpeechTokenizerConfig(
    d_model=32,
    heads=2,
    ffn=64,
    layers_before=2,
    layers_after=1,
    codes=8,
    code_width=16,
    continuous_steps=2,
    restart_interval=5,
)


def test_codes_follow_their_vectors() -> None:
    codebook = Codebook(2, 4, decay=0.5, restart_interval=1000).train()
    centres = torch.tensor([[5.0] * 4, [-5.0] * 4])
    for _ in range(30):
        codebook(centres.repeat(20, 1) + 0.01 * torch.randn(40, 4))
    found = codebook.weight[codebook.nearest(centres)]
    torch.testing.assert_close(found, centres, atol=0.1, rtol=0)


def test_starts_as_the_k_means_of_what_it_saw() -> None:
    codebook = Codebook(4, 2, decay=0.99, restart_interval=1000)
    centres = torch.tensor([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0], [9.0, 9.0]])
    codebook.start_from(centres.repeat(50, 1) + 0.1 * torch.randn(200, 2), iterations=30)
    distance = (codebook.weight[codebook.nearest(centres)] - centres).norm(dim=1)
    assert distance.max() < 5
    assert codebook.weight.isfinite().all()


def test_dead_codes_come_back() -> None:
    codebook = Codebook(4, 2, decay=0.9, restart_interval=10).train()
    vectors = torch.randn(64, 2)
    codebook(vectors)
    with torch.no_grad():
        codebook.weight[3] = 1000.0
        codebook.ema_weight[3] = 1000.0
        codebook.ema_count[3] = 1.0
    for _ in range(20):
        codebook(vectors)
    assert codebook.weight[3].abs().max() < 10


def test_a_code_that_is_seldom_taken_stays() -> None:
    codebook = Codebook(2, 2, decay=0.9, restart_interval=20).train()
    often, seldom = torch.tensor([[5.0, 5.0]]), torch.tensor([[-5.0, -5.0]])
    with torch.no_grad():
        codebook.weight.copy_(torch.cat([often, seldom]))
        codebook.ema_weight.copy_(codebook.weight)
    for step in range(60):
        codebook(seldom if step % 19 == 0 else often)
    torch.testing.assert_close(codebook.weight[1:], seldom, atol=0.1, rtol=0)


def test_gradient_passes_straight_through() -> None:
    codebook = Codebook(4, 2, 0.9, 10).eval()
    vectors = torch.randn(5, 2, requires_grad=True)
    codebook(vectors)[0].sum().backward()
    torch.testing.assert_close(vectors.grad, torch.ones(5, 2))


@pytest.mark.parametrize("causal", [True, False])
def test_causal_attention_hides_the_future(causal: bool) -> None:
    layer = EncoderLayer(16, 2, 32)
    x = torch.randn(1, 10, 16, requires_grad=True)
    mask = attention_mask(torch.ones(1, 10), causal, block=1000)
    layer(x, mask)[0, 4].sum().backward()
    assert x.grad is not None
    assert (x.grad[0, 5:].abs().max() == 0) == causal


def test_blocks_see_themselves_and_the_past() -> None:
    allowed = attention_mask(torch.ones(1, 6), causal=False, block=2)[0, 0]
    assert allowed[0].tolist() == [True, True, False, False, False, False]
    assert allowed[3].tolist() == [True, True, True, True, False, False]


@torch.inference_mode()
def test_padding_leaves_the_tokens() -> None:
    model = tiny_speech_tokenizer().eval()
    features = torch.randn(1, 80, 80)
    alone, _ = model.encode(features, torch.ones(1, 80))
    mask = (torch.arange(120) < 80).float()[None]
    padded, token_mask = model.encode(torch.nn.functional.pad(features, (0, 40)), mask)
    assert torch.equal(padded[:, :19], alone[:, :19])
    assert token_mask.sum() == 20


@pytest.mark.parametrize(("pooling", "rate"), [(2, 25), (4, 12.5)])
def test_token_rate_is_configuration(pooling: int, rate: float) -> None:
    config = TINY.model_copy(update={"pooling": pooling})
    model = SpeechTokenizer(config).eval()
    assert config.tokens_per_second == rate
    assert len(model.tokenize(torch.randn(16000 * 2))) == 2 * rate


def test_long_and_short_audio() -> None:
    model = tiny_speech_tokenizer().eval()
    assert len(model.tokenize(torch.randn(16000 * 31))) == 31 * 25
    with pytest.raises(AudioError, match="40 ms"):
        model.tokenize(torch.zeros(10))


def test_learns_labels_and_pitch_of_one_batch() -> None:
    torch.manual_seed(0)
    model = SpeechTokenizerTraining(TINY, frozen_layers=1)
    rng = np.random.default_rng(0)
    labels = ["N", "I3", "|", "H", "AO3"]
    items = [
        TokenizerExample(
            rng.normal(size=(40, 32)).astype(np.float16),
            np.full(40, 200.0),
            np.full((40, 80), -3.0),
            rng.normal(size=192),
            labels,
        )
        for _ in range(2)
    ]
    batch = collate(items)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 3e-3)
    losses = []
    for _ in range(60):
        loss, _ = tokenizer_loss(model.train(), batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    measured = evaluate(model.eval(), [batch])
    assert measured["voicing_error"] < 0.2
    assert measured["mel_l1"] < 2
    recogniser = TokenRecogniser.of(model.asr, model.code_vectors())
    tokens = torch.from_numpy(tokens_from_hidden(model.tokenizer, 1, items[0].hidden)).long()
    assert len(tokens) == 20
    assert recogniser.log_probs(tokens[None]).shape == (1, 20, len(LABELS))
    reading = recogniser.read(tokens)
    assert reading.nll(labels) < reading.nll(["M", "A5", "|", "T", "U4"])
    assert recogniser.read(tokens[:1]).nll(labels) == float("inf")


def test_goes_on_as_a_trained_tokenizer_with_new_heads() -> None:
    torch.manual_seed(0)
    trained = SpeechTokenizerTraining(TINY, frozen_layers=1).eval()
    model = SpeechTokenizerTraining(TINY, frozen_layers=1)
    recogniser = TokenRecogniser.of(trained.asr, trained.code_vectors())
    model.go_on(trained.tokenizer, recogniser.head, recogniser.codes.weight, heads_steps=2)
    tokens = torch.randint(TINY.codes, (1, 12))
    gone_on = TokenRecogniser.of(model.asr, model.code_vectors())
    torch.testing.assert_close(gone_on.log_probs(tokens), recogniser.log_probs(tokens), atol=1e-4, rtol=0)
    rng = np.random.default_rng(0)
    hidden, mel = rng.normal(size=(40, 32)), rng.normal(size=(40, 80))
    batch = collate([TokenizerExample(hidden, np.full(40, 200.0), mel, rng.normal(size=192), ["N", "I3"])])
    codes, projection = model.tokenizer.codebook.weight.clone(), model.tokenizer.project.weight
    for step in range(3):
        model.zero_grad()
        tokenizer_loss(model.train(), batch)[0].backward()
        assert model.pitch is not None
        assert model.pitch.out.weight.grad is not None
        assert model.pitch.out.weight.grad.abs().max() > 0
        moved = projection.grad is not None and bool(projection.grad.abs().max() > 0)
        assert moved == (step == 2)  # only then do the codes follow, too
        assert torch.equal(model.tokenizer.codebook.weight, codes) == (step < 2)


def test_edit_distance() -> None:
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance("", "abc") == 3
