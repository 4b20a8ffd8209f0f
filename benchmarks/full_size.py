"""The released sizes with random weights, made where they are to run: only their speed makes sense."""

from typing import Any

import torch
from torch import nn

from glmtts.bundle import Bundle
from glmtts.flow.dit import DiT, FlowConfig
from glmtts.graphs import Acceleration
from glmtts.lm.config import LMConfig
from glmtts.lm.model import Llama
from glmtts.lm.request import SamplingConfig
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
TOKENS_A_TEXT_TOKEN = 3.0
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


def ending(model: Llama, end: int) -> Llama:
    """The model, which ends its speech as soon as it may: else every text would be decoded again, as one without end.

    The first channel is nearly constant then, and speaks for the end.
    """
    table = model.model.embed_tokens.weight
    table[:, 0], table[end, 0] = 1, 3
    return model


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


class FullSize(Bundle):
    """`mini`, its front end and voices, with language model, flow and vocoder of the released sizes and no judge."""

    def __init__(self, mini: Bundle, acceleration: Acceleration, lm: LMConfig = LM, sizes: FlowConfig = FLOW) -> None:
        modules = {name: entry for name, entry in mini.config.modules.items() if name != "token_recogniser"}
        sampling = SamplingConfig(min_ratio=TOKENS_A_TEXT_TOKEN).model_dump()
        synthesis = {"voice": mini.config.synthesis["voice"], "sampling": sampling}
        config = mini.config.model_copy(update={"modules": modules, "synthesis": synthesis})
        super().__init__(mini.folder, config, mini.device)
        self.acceleration = acceleration
        dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        own = mini.audio_tokens
        self.audio_tokens = AudioTokens(FIRST_CODE, CODES, own.begin, own.end, own.padding)
        self._made: dict[str, Any] = {
            "lm": ending(language_model(self.device, dtype, lm), own.end),
            "flow": flow(self.device, sizes),
            "vocoder": vocoder(self.device),
        }
        for module in self._made.values():
            if hasattr(module, "accelerate"):
                module.accelerate(acceleration)

    def _module(self, name: str) -> Any:
        return self._made[name] if name in self._made else super()._module(name)
