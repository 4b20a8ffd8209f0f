"""Decoding speech tokens, one forward a token, with a static cache."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from glmtts.lm.model import KeyValueCache, Llama
from glmtts.lm.prompt import AudioTokens
from glmtts.lm.sampling import SamplingConfig, draw


@torch.inference_mode()
def generate(
    model: Llama,
    prompt_ids: Sequence[int],
    layout: AudioTokens,
    sampling: SamplingConfig,
    text_length: int,
    generator: torch.Generator,
) -> Iterator[int]:
    """Yield speech tokens as codes from 0 until the end of audio or the upper length bound.

    `text_length` counts the text tokens that are to be spoken (without the prompt's): at least
    int(min_ratio · text_length) and at most int(max_ratio · text_length) tokens come; the end is masked before.
    """
    at_least, at_most = bounds(model, prompt_ids, sampling, text_length)
    weights = model.model.embed_tokens.weight
    choices = layout.choices(weights)
    cache = KeyValueCache(model.config, 1, len(prompt_ids) + at_most, weights)
    ids = torch.tensor([list(prompt_ids)], device=weights.device)
    drawn: list[int] = []
    while len(drawn) < at_most:
        logits = choices @ model.hidden(ids, cache)[0, -1]
        token = next_code(logits, drawn, at_least, sampling, generator)
        if token == layout.count:
            return
        drawn.append(token)
        yield token
        ids = torch.tensor([[layout.first + token]], device=weights.device)


def bounds(model: Llama, prompt_ids: Sequence[int], sampling: SamplingConfig, text_length: int) -> tuple[int, int]:
    """The least and the most speech tokens of a text."""
    room = model.config.max_positions - len(prompt_ids)
    return int(sampling.min_ratio * text_length), min(int(sampling.max_ratio * text_length), room)


def next_code(
    logits_C: Tensor, drawn: Sequence[int], at_least: int, sampling: SamplingConfig, generator: torch.Generator
) -> int:
    """Draw a code, or the number of codes for the end of audio, which is masked below the least length."""
    if len(drawn) < at_least:
        logits_C = logits_C.clone()
        logits_C[-1] = -torch.inf
    return draw(logits_C, drawn, sampling, generator)
