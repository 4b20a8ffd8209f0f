"""Repetition-aware sampling (VALL-E 2; the release's defaults)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from glmtts.config import StrictConfig


class SamplingConfig(StrictConfig):
    """How tokens are drawn, and how many a text may take (bounds are speech tokens for each text token)."""

    temperature: float = 1.0
    top_p: float = 0.8
    top_k: int = 25
    repetition_window: int = 10
    repetition_threshold: float = 0.1
    min_ratio: float = 2.0
    max_ratio: float = 20.0


def nucleus(probabilities_V: Tensor, top_p: float, top_k: int) -> tuple[Tensor, Tensor]:
    """The most likely tokens: at most `top_k`, and no more than reach `top_p` together. Gives (weights, ids)."""
    values, ids = probabilities_V.topk(min(top_k, len(probabilities_V)))
    before = values.cumsum(0) - values
    return values * (before < top_p), ids


def draw(logits_V: Tensor, earlier: Sequence[int], config: SamplingConfig, generator: torch.Generator) -> int:
    """Draw from the nucleus; a token that repeats one of the last few is drawn again from all.

    With window K and threshold r: if the token stands at least K·r times among the last K, redraw from softmax.
    Temperature 0 takes the most likely token.
    """
    if config.temperature == 0:
        return int(logits_V.argmax())
    probabilities = (logits_V.float() / config.temperature).softmax(-1)
    weights, ids = nucleus(probabilities, config.top_p, config.top_k)
    token = int(ids[torch.multinomial(weights, 1, generator=generator)])
    recent = list(earlier[-config.repetition_window :])
    if recent.count(token) >= config.repetition_window * config.repetition_threshold:
        token = int(torch.multinomial(probabilities, 1, generator=generator))
    return token
