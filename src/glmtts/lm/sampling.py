"""Repetition-aware sampling (VALL-E 2, Chen et al., 2024; the release's defaults)."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from glmtts.lm.request import COLDEST, NO_CODE, Request


@torch.inference_mode()
def draw(logits_BV: Tensor, requests: Sequence[Request]) -> list[int]:
    """Draw for each request from the nucleus of its row of logits (B, V): at most `top_k` tokens that reach `top_p`.

    A token that stands at least K·r times among the last K, with window K and threshold r, is drawn again from the
    whole softmax. A temperature below `COLDEST` takes the most likely token. A draw depends on its own row and its own
    generator alone; a row that holds what is no number gives `NO_CODE`.
    """
    configs = [request.sampling for request in requests]
    greedy = [config.temperature < COLDEST for config in configs]
    column = partial(torch.tensor, device=logits_BV.device)
    # a greedy row: any temperature leaves the likeliest first, and top_k 1 leaves it alone
    temperature_B = column([1.0 if only else one.temperature for only, one in zip(greedy, configs, strict=True)])
    top_p_B = column([config.top_p for config in configs])
    # no more than there are: a tensor's integers do not hold every number by which somebody leaves all open
    choices = logits_BV.shape[1]
    top_k_B = column([1 if only else min(one.top_k, choices) for only, one in zip(greedy, configs, strict=True)])
    probabilities_BV = (logits_BV.float() / temperature_B[:, None]).softmax(-1)
    # as many as the row that wants most; the others are cut by rank
    values_BK, ids_BK = probabilities_BV.topk(int(top_k_B.max()))
    sums_BK = values_BK.cumsum(1)
    ranks_K = torch.arange(values_BK.shape[1], device=logits_BV.device)
    # what comes before a token, not it itself, must be below p: the nucleus has at least one
    inside_BK = (sums_BK - values_BK < top_p_B[:, None]) & (ranks_K < top_k_B[:, None])
    counts = inside_BK.sum(1).tolist()
    tokens = []
    # sums and ids of all rows leave the device at once; each row then draws by its own generator
    for row, (request, sums, ids) in enumerate(zip(requests, sums_BK.tolist(), ids_BK.tolist(), strict=True)):
        # the likeliest token is inside of every nucleus, but a softmax that is NaN is below no p
        if not counts[row]:
            tokens.append(NO_CODE)
            continue
        point = sums[counts[row] - 1] * _uniform(request.generator)
        # rounding may put the point at the very end of the sums
        token = ids[min(bisect_right(sums, point), counts[row] - 1)]
        if not greedy[row] and request.repeats(token):
            token = int(torch.multinomial(probabilities_BV[row], 1, generator=request.generator))
        tokens.append(token)
    return tokens


def _uniform(generator: torch.Generator) -> float:
    return torch.rand((), generator=generator, device=generator.device).item()
