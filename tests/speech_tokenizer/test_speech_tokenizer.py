"""The speech tokenizer: masks, lengths, rates."""

import pytest
import torch

from glmtts.errors import AudioError
from glmtts.speech_tokenizer.encoder import EncoderLayer, attention_mask
from glmtts.speech_tokenizer.model import SpeechTokenizer, SpeechTokenizerConfig
from glmtts.text.edits import edit_distance
from tests.tiny import tiny_speech_tokenizer

TINY = SpeechTokenizerConfig(
    d_model=32,
    heads=2,
    ffn=64,
    layers_before=2,
    layers_after=1,
    codes=8,
    code_width=16,
)


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


def test_edit_distance() -> None:
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance("", "abc") == 3
