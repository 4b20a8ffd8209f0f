"""A bundle of the released sizes with random weights, made in memory: text to audio takes what it takes."""

from typing import Any

import torch
from full_size import CODES, FIRST_CODE, FLOW, LM, flow, language_model, vocoder

from glmtts.bundle import Bundle
from glmtts.flow.dit import FlowConfig
from glmtts.graphs import Acceleration
from glmtts.lm.config import LMConfig
from glmtts.lm.model import Llama
from glmtts.lm.request import SamplingConfig
from glmtts.text.audio_tokens import AudioTokens

TOKENS_A_TEXT_TOKEN = 3.0


def ending(model: Llama, end: int) -> Llama:
    """The model, which ends its speech as soon as it may: else every text would be decoded again, as one without end.

    The first channel is nearly constant then, and speaks for the end.
    """
    table = model.model.embed_tokens.weight
    table[:, 0], table[end, 0] = 1, 3
    return model


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
