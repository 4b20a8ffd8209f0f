"""Decoding speech tokens, one forward a token, with a static cache: one sequence, or several candidates at once."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from glmtts.lm.model import KeyValueCache, Llama
from glmtts.lm.prompt import AudioTokens
from glmtts.lm.sampling import SamplingConfig, draw

GIVEN_UP = 1.5


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


@torch.inference_mode()
def generate_candidates(
    model: Llama,
    prompt_ids: Sequence[int],
    layout: AudioTokens,
    sampling: SamplingConfig,
    text_length: int,
    generators: Sequence[torch.Generator],
) -> list[list[int]]:
    """One sequence of codes from each generator, decoded as one batch; those that ended by themselves.

    The prompt is read once. Candidates that go on half as long again as the first that ended are given up; where
    none ends within the bounds, all are given as they stand.
    """
    at_least, at_most = bounds(model, prompt_ids, sampling, text_length)
    weights = model.model.embed_tokens.weight
    choices = layout.choices(weights)
    cache = KeyValueCache(model.config, 1, len(prompt_ids) + at_most, weights)
    hidden_BD = model.hidden(torch.tensor([list(prompt_ids)], device=weights.device), cache)[:, -1]
    hidden_BD, cache = hidden_BD.expand(len(generators), -1), cache.repeated(len(generators))
    drawn: list[list[int]] = [[] for _ in generators]
    ended: set[int] = set()
    for length in range(at_most):
        logits_BC = hidden_BD @ choices.T
        for row, generator in enumerate(generators):
            if row in ended:
                continue
            token = next_code(logits_BC[row], drawn[row], at_least, sampling, generator)
            if token == layout.count:
                ended.add(row)
            else:
                drawn[row].append(token)
        if len(ended) == len(drawn) or (ended and length > GIVEN_UP * min(len(drawn[row]) for row in ended)):
            break
        last = [layout.first + (tokens[-1] if tokens else 0) for tokens in drawn]
        hidden_BD = model.hidden(torch.tensor(last, device=weights.device)[:, None], cache)[:, -1]
    return [drawn[row] for row in sorted(ended)] or drawn


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
