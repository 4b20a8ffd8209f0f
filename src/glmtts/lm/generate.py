"""Decoding speech tokens, one forward a token, with a static cache."""

from collections.abc import Iterator, Sequence

import torch

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
    room = model.config.max_positions - len(prompt_ids)
    at_least = int(sampling.min_ratio * text_length)
    at_most = min(int(sampling.max_ratio * text_length), room)
    weights = model.model.embed_tokens.weight
    cache = KeyValueCache(model.config, 1, len(prompt_ids) + at_most, weights)
    choices = torch.cat([weights[layout.first : layout.first + layout.count], weights[layout.end, None]])
    ids = torch.tensor([list(prompt_ids)], device=weights.device)
    drawn: list[int] = []
    while len(drawn) < at_most:
        logits = choices @ model.hidden(ids, cache)[0, -1]
        if len(drawn) < at_least:
            logits[-1] = -torch.inf
        token = draw(logits, drawn, sampling, generator)
        if token == layout.count:
            return
        drawn.append(token)
        yield token
        ids = torch.tensor([[layout.first + token]], device=weights.device)
