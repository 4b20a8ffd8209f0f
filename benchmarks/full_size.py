"""The released sizes with random weights, made where they are to run: only their speed makes sense."""

from pathlib import Path

import torch
from torch import nn

from glmtts.flow.dit import DiT, FlowConfig
from glmtts.lm.config import LMConfig
from glmtts.lm.model import Llama
from glmtts.text.audio_tokens import AudioTokens
from glmtts.training.config import load_config
from glmtts.vocoder.hift import HiFT, HiFTConfig

CONFIGS = Path(__file__).parents[1] / "configs"
LM = LMConfig.parse(load_config(CONFIGS / "lm_1.5b.toml").model)
FLOW = FlowConfig.parse(load_config(CONFIGS / "flow_release.toml").model)
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
