"""Repetition-aware sampling (VALL-E 2; the release's defaults)."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from glmtts.adapters import Adapter
from glmtts.config import StrictConfig

COLDEST = 1e-3  # below it the most likely token is taken: a temperature of 1e-40 makes the logits infinite
FinishReason = Literal["stop", "length", "cancelled"]


class SamplingConfig(StrictConfig):
    """How tokens are drawn, and how many a text may take.

    The ratios bound the speech tokens for each text token; for texts of a few tokens, at least `min_tokens` are drawn
    and `extra_tokens` more than the ratio are allowed.
    """

    temperature: float = 1.0
    top_p: float = 0.8
    top_k: int = 25
    repetition_window: int = 10
    repetition_threshold: float = 0.1
    min_ratio: float = 2.0
    max_ratio: float = 20.0
    min_tokens: int = Field(default=1, ge=1)
    extra_tokens: int = Field(default=0, ge=0)

    RENAMED: ClassVar[Mapping[str, str]] = {"fewest": "min_tokens", "slack": "extra_tokens"}


@dataclass(eq=False)
class Request:
    """One sequence to decode: what comes before it, how tokens are drawn, and the output tokens so far (codes from 0).

    With an `adapter` it is decoded through that (adapters.py).
    `finish_reason` is None while it is being decoded; "stop": the end of audio was drawn; "length": its bound was
    reached; "cancelled": nobody waits for it.
    """

    prompt_ids: Sequence[int]
    sampling: SamplingConfig
    text_length: int
    generator: torch.Generator
    adapter: Adapter | None = None
    tokens: list[int] = field(default_factory=list)
    finish_reason: FinishReason | None = None

    @property
    def ended(self) -> bool:
        """Whether no more tokens come."""
        return self.finish_reason is not None

    def append(self, code: int | None, at_most: int) -> None:
        """Take the token that was drawn, None for the end of audio; the request ends there, or at `at_most` tokens."""
        if code is None:
            self.finish_reason = "stop"
            return
        self.tokens.append(code)
        if len(self.tokens) >= at_most:
            self.finish_reason = "length"


def draw(logits_BV: Tensor, requests: Sequence[Request]) -> list[int]:
    """Draw for each request from the nucleus of its row: at most `top_k` tokens that reach `top_p` together.

    A token that stands at least K·r times among the last K, with window K and threshold r, is drawn again from the
    whole softmax. A temperature below `COLDEST` takes the most likely token. A draw depends on its own row and its own
    generator alone.
    """
    configs = [request.sampling for request in requests]
    greedy = [config.temperature < COLDEST for config in configs]
    column = partial(torch.tensor, device=logits_BV.device)
    temperature_B = column([1.0 if only else one.temperature for only, one in zip(greedy, configs, strict=True)])
    top_p_B = column([config.top_p for config in configs])
    top_k_B = column([1 if only else config.top_k for only, config in zip(greedy, configs, strict=True)])
    probabilities_BV = (logits_BV.float() / temperature_B[:, None]).softmax(-1)
    values_BK, ids_BK = probabilities_BV.topk(min(int(top_k_B.max()), probabilities_BV.shape[1]))
    sums_BK = values_BK.cumsum(1)
    ranks_K = torch.arange(values_BK.shape[1], device=logits_BV.device)
    inside_BK = (sums_BK - values_BK < top_p_B[:, None]) & (ranks_K < top_k_B[:, None])
    counts = inside_BK.sum(1).tolist()
    tokens = []
    for row, (request, sums, ids) in enumerate(zip(requests, sums_BK.tolist(), ids_BK.tolist(), strict=True)):
        point = sums[counts[row] - 1] * _uniform(request.generator)
        token = ids[min(bisect_right(sums, point), counts[row] - 1)]
        if not greedy[row] and _repeats(token, request):
            token = int(torch.multinomial(probabilities_BV[row], 1, generator=request.generator))
        tokens.append(token)
    return tokens


def _uniform(generator: torch.Generator) -> float:
    return torch.rand((), generator=generator, device=generator.device).item()


def _repeats(token: int, request: Request) -> bool:
    config = request.sampling
    recent = request.tokens[-config.repetition_window :]
    return recent.count(token) >= config.repetition_window * config.repetition_threshold
