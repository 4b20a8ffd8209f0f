"""What decoding does with logits, in the library that a language model gives them in: PyTorch's tensors or NumPy's.

A model whose `device` is None gives NumPy arrays; then PyTorch is never imported.
"""

from bisect import bisect_right
from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np

from glmtts.lm.request import COLDEST, NO_CODE, Request


def generator(device: Any, seed: int) -> Any:
    """A source of random numbers for a model whose logits come on `device`."""
    if device is None:
        return np.random.default_rng(seed)
    import torch

    return torch.Generator(device).manual_seed(seed)


def joined(before_BC: Any, fresh_BC: Any) -> Any:
    """The rows of both (B, C), where there are some before."""
    if before_BC is None:
        return fresh_BC
    if isinstance(fresh_BC, np.ndarray):
        return np.concatenate([before_BC, fresh_BC])
    import torch

    return torch.cat([before_BC, fresh_BC])


def draw(logits_BC: Any, requests: Sequence[Request], unfinished: Sequence[int]) -> list[int]:
    """A token for each request from logits (B, C), which are changed: not the last, which ends speech, in the rows
    `unfinished` (lm/sampling.py).

    `NO_CODE` in a row of what is no number; the other rows draw as if it were not there.
    """
    if isinstance(logits_BC, np.ndarray):
        logits_BC[list(unfinished), -1] = -np.inf
        return [_drawn(row, request) for row, request in zip(_softmax(logits_BC, requests), requests, strict=True)]
    import torch

    from glmtts.lm import sampling

    with torch.inference_mode():
        logits_BC[list(unfinished), -1] = -torch.inf
        return sampling.draw(logits_BC, requests)


def _softmax(logits_BC: np.ndarray, requests: Sequence[Request]) -> np.ndarray:
    """Probabilities (B, C) at the temperature of each request, in the place of the logits.

    All rows at once, and without a copy: of so few numbers a call costs more than what it computes.
    """
    # greedy rows are divided as well, for their argmax; by 0 the likeliest logit would be 0 / 0
    temperature_B1 = np.array([[max(request.sampling.temperature, COLDEST)] for request in requests], np.float32)
    with np.errstate(invalid="ignore"):  # a row with an infinite logit becomes NaN, which `_drawn` looks for
        logits_BC -= np.maximum.reduce(logits_BC, 1, keepdims=True)
        logits_BC /= temperature_B1
        np.exp(logits_BC, logits_BC)
        logits_BC /= np.add.reduce(logits_BC, 1, keepdims=True)
    return logits_BC


def _drawn(probabilities_C: np.ndarray, request: Request) -> int:
    """As `sampling.draw`, of one row: the nucleus, and the whole softmax where a token would repeat."""
    if not isfinite(probabilities_C[0]):  # the sum that all were divided by was none, so all are not
        return NO_CODE
    how = request.sampling
    if how.temperature < COLDEST:
        return int(probabilities_C.argmax())
    likeliest, sums = _nucleus(probabilities_C, how.top_p, how.top_k)
    # scaled by the nucleus' own sum, which is a renormalisation without a division
    token = likeliest[min(bisect_right(sums, sums[-1] * request.generator.random()), len(sums) - 1)]
    if request.repeats(token):
        whole = np.cumsum(probabilities_C, dtype=np.float64)  # float32 loses the tail
        token = int(np.searchsorted(whole, whole[-1] * request.generator.random(), side="right"))
    return min(token, len(probabilities_C) - 1)


def _nucleus(probabilities_C: np.ndarray, top_p: float, top_k: int) -> tuple[list[int], list[float]]:
    """The likeliest codes in falling order, at most `top_k` that reach `top_p`, and the sums up to each of them."""
    codes, likely = _likeliest(probabilities_C, top_p, top_k)
    sums: list[float] = []
    for probability in likely:
        before = sums[-1] if sums else 0.0
        # the code that crosses p belongs to the nucleus, and those behind it do not
        if before >= top_p:
            break
        sums.append(before + probability)
    return codes, sums


def _likeliest(probabilities_C: np.ndarray, top_p: float, top_k: int) -> tuple[list[int], list[float]]:
    """The `top_k` likeliest codes in falling order and their probabilities, but for some that no nucleus reaches.

    A code below (1 − p) / C, and all that come after it, have less than 1 − p together, so the nucleus is full before
    it. Few are left, and to find those takes a third of the time of a partition; lists of so few are quicker than
    arrays.
    """
    # 0.99 leaves room for the rounding of float32
    least = np.float32(0.99 * (1 - top_p) / len(probabilities_C))
    codes = (probabilities_C >= least).nonzero()[0]
    if len(codes) > 4 * top_k:
        # a flat distribution leaves many, and to sort them all costs more
        codes = codes[np.argpartition(-probabilities_C[codes], top_k)[:top_k]]
    # of equal ones the first comes first, as in a stable sort
    pairs = sorted(zip((-probabilities_C[codes]).tolist(), codes.tolist(), strict=True))[:top_k]
    return [code for _, code in pairs], [-negated for negated, _ in pairs]
