"""The encoder computes what the released speech tokenizer computes."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from glmtts.speech_tokenizer.model import SpeechTokenizer, SpeechTokenizerConfig
from tests.parity import filled

pytestmark = pytest.mark.long


@pytest.mark.parametrize("size", ["small", "official"])
def test_tokens_equal_the_release(parity: Path, size: str) -> None:
    folder = parity
    description = json.loads((folder / f"speech_tokenizer_{size}.json").read_text())
    fixture = load_file(folder / f"speech_tokenizer_{size}.safetensors")
    released = description["config"]
    with torch.device("meta"):
        model = SpeechTokenizer(
            SpeechTokenizerConfig(
                d_model=released["d_model"],
                heads=released["encoder_attention_heads"],
                ffn=released["encoder_ffn_dim"],
                num_mel_bins=released["num_mel_bins"],
                layers_before=released["quantize_position"],
                codes=released["quantize_vocab_size"],
                code_width=None,
                block_frames=released["quantize_causal_block_size"],
            )
        )
    needed = {name for name in model.state_dict() if not name.startswith("codebook.")} | {"codebook.weight"}
    weights = filled({name: description["keys"][name] for name in needed})
    model.load_state_dict(weights, strict=False, assign=True)
    features, mask = fixture["input_features"], fixture["attention_mask"]
    hidden = list[torch.Tensor]()
    model.layers[-1].register_forward_hook(lambda layer, given, out: hidden.append(out))
    with torch.inference_mode():
        tokens, token_mask = model.encode(features, mask)
    torch.testing.assert_close(hidden[0][:, :16], fixture["hidden_before_pooling"], atol=2e-3, rtol=0)
    valid = token_mask.bool()
    assert torch.equal(tokens[valid], fixture["tokens"][valid])
