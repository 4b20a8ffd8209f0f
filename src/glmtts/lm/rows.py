"""What decoding does with logits, in the library that a language model gives them in: PyTorch's tensors or NumPy's.

A model whose `device` is None gives NumPy arrays; then PyTorch is never imported.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np

from glmtts.lm.request import COLDEST, Request


def generator(device: Any, seed: int) -> Any:
    """A source of random numbers for a model whose logits come on `device`."""
    if device is None:
        return np.random.default_rng(seed)
    import torch

    return torch.Generator(device).manual_seed(seed)


def joined(before_BC: Any, fresh_BC: Any) -> Any:
    """The rows of both, where there are some before."""
    if before_BC is None:
        return fresh_BC
    if isinstance(fresh_BC, np.ndarray):
        return np.concatenate([before_BC, fresh_BC])
    import torch

    return torch.cat([before_BC, fresh_BC])


def draw(logits_BC: Any, requests: Sequence[Request], unfinished: Sequence[int]) -> list[int]:
    """A token for each request, not the last, which ends speech, in the rows `unfinished` (lm/sampling.py)."""
    if isinstance(logits_BC, np.ndarray):
        logits_BC[list(unfinished), -1] = -np.inf
        return [_drawn(row, request) for row, request in zip(logits_BC, requests, strict=True)]
    import torch

    from glmtts.lm import sampling

    with torch.inference_mode():
        logits_BC[list(unfinished), -1] = -torch.inf
        return sampling.draw(logits_BC, requests)


def _drawn(logits_C: np.ndarray, request: Request) -> int:
    """As `sampling.draw`, of one row: the nucleus, and the whole softmax where a token would repeat."""
    how = request.sampling
    if how.temperature < COLDEST:
        return int(logits_C.argmax())
    scaled_C = (logits_C - logits_C.max()) / np.float32(how.temperature)
    probabilities_C = np.exp(scaled_C)
    probabilities_C /= probabilities_C.sum()
    likeliest = np.argpartition(-probabilities_C, min(how.top_k, len(logits_C) - 1))[: how.top_k]
    likeliest = likeliest[np.argsort(-probabilities_C[likeliest], kind="stable")]
    sums = np.cumsum(probabilities_C[likeliest])
    count = int((sums - probabilities_C[likeliest] < how.top_p).sum())
    place = bisect_right(sums.tolist(), float(sums[count - 1]) * request.generator.random())
    token = int(likeliest[min(place, count - 1)])
    if request.repeats(token):
        whole = np.cumsum(probabilities_C, dtype=np.float64)
        token = int(np.searchsorted(whole, whole[-1] * request.generator.random(), side="right"))
    return min(token, len(logits_C) - 1)
