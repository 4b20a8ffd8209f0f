"""The released sizes with random weights, made where they are to run: only their speed makes sense."""

import torch
from torch import nn

from glmtts.flow.dit import DiT, FlowConfig
from glmtts.lm.config import LMConfig
from glmtts.lm.model import Llama
from glmtts.text.audio_tokens import AudioTokens
from glmtts.vocoder.hift import HiFT, HiFTConfig

LM = LMConfig(
    vocab_size=98304,
    hidden_size=2048,
    num_layers=28,
    num_heads=16,
    num_kv_heads=4,
    head_dim=128,
    intermediate_size=6144,
    max_positions=8192,
)
FLOW = FlowConfig(
    vocabulary=100000,
    token_width=512,
    token_blocks=4,
    width=768,
    blocks=18,
    heads=12,
    ff_mult=2,
    rotate_first_head_only=True,
    position_kernel=31,
    prior_width=None,
    pitch_width=None,
)
FIRST_CODE, CODES = 60000, 32768  # speech tokens in the vocabulary, beyond the ids that a text of `mini` has
LAYOUT = AudioTokens(FIRST_CODE, CODES, begin=1, end=2, padding=0)


def language_model(device: torch.device, dtype: torch.dtype, sizes: LMConfig = LM) -> Llama:
    """The language model; its rotary tables stay float32, as a loaded one's do."""
    torch.manual_seed(0)
    with torch.device(device):
        model = Llama(sizes)
        model.reset_parameters()
    for weight in model.parameters():
        weight.data = weight.data.to(dtype)
    return model.eval().requires_grad_(False)


def flow(device: torch.device, sizes: FlowConfig = FLOW) -> DiT:
    """The flow, whose gates are open, so that its steps can be compared."""
    torch.manual_seed(1)
    with torch.device(device):
        model = DiT(sizes)
        for block in model.transformer_blocks:
            nn.init.normal_(block.attn_norm.linear.weight, std=0.02)
    return model.eval().requires_grad_(False)


def vocoder(device: torch.device) -> HiFT:
    """The released 24 kHz vocoder."""
    torch.manual_seed(2)
    with torch.device(device):
        model = HiFT(HiFTConfig())
    return model.eval().requires_grad_(False)
