"""Repetition-aware sampling (VALL-E 2) as lm/sampling.py has it, without the host.

Random numbers are a function of a row's seed and of the number of its token, not of a generator's state: a token that
is drawn again is the same, in any batch and after any other draw. They are other numbers than those of PyTorch's
generators, so the same seed speaks otherwise than on a CPU, by the same distribution. Nothing here waits for the
device; so there is no `torch.where` with a number, which would be copied there.
"""

import torch
from torch import Tensor

from glmtts.lm.request import COLDEST, NO_CODE
from glmtts.lm.static.buffers import Rules

GAMMA, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB  # SplitMix64 (Steele et al., 2014)


def recent_codes(ids_BK: Tensor, length_B: Tensor, rules: Rules, first: int) -> Tensor:
    """Codes (B, K) of the speech in each row's window, −1 elsewhere; the last id is at `length_B`."""
    places_K, length_B1 = torch.arange(ids_BK.shape[1], device=ids_BK.device), length_B[:, None]
    begin_B1 = rules.start[:, None].maximum(length_B1 + 1 - rules.window[:, None])
    return (ids_BK - first).masked_fill((places_K < begin_B1) | (places_K > length_B1), -1)


def draw(logits_BC: Tensor, rules: Rules, recent_BK: Tensor, count_B: Tensor, most: int) -> Tensor:
    """A code for each row (B,), the last of C being the end of speech; `NO_CODE` where its logits are no numbers.

    Args:
        logits_BC: the model's.
        rules: of these rows.
        recent_BK: codes in their windows (`recent_codes`).
        count_B: how many codes they have drawn so far.
        most: no row's `top_k` is larger.
    """
    greedy_B, last = rules.temperature < COLDEST, logits_BC.shape[1] - 1
    ends = (torch.arange(last + 1, device=logits_BC.device) == last) & (count_B < rules.least)[:, None]
    logits_BC = logits_BC.float().masked_fill(ends, -torch.inf)
    probabilities_BC = (logits_BC / rules.temperature.masked_fill(greedy_B, 1.0)[:, None]).softmax(-1)
    values_BN, ids_BN = probabilities_BC.topk(min(most, last + 1))
    sums_BN = values_BN.cumsum(1)
    ranks_N = torch.arange(values_BN.shape[1], device=logits_BC.device)
    top_k_B = rules.top_k.masked_fill(greedy_B, 1)
    # as on the host: what comes before a token is below p, so that the one which crosses it is inside
    inside_BN = (sums_BN - values_BN < rules.top_p[:, None]) & (ranks_N < top_k_B[:, None])
    # at least the likeliest, but where all are NaN: place −1 would be an error of the device, which ends all its work
    kept_B1 = inside_BN.sum(1, keepdim=True).clamp(min=1)
    # two numbers a token, 2 n for the nucleus and 2 n + 1 for the whole softmax: none is used twice
    point_B1 = sums_BN.gather(1, kept_B1 - 1) * uniform(rules.seed, 2 * count_B)[:, None]
    # bisect_right of the host, for all rows at once
    place_B1 = (sums_BN <= point_B1).sum(1, keepdim=True).minimum(kept_B1 - 1)
    nucleus_B = ids_BN.gather(1, place_B1)[:, 0]
    again_B = ~greedy_B & ((recent_BK == nucleus_B[:, None]).sum(1) >= rules.repeats)
    drawn_B = torch.where(again_B, _from_all(probabilities_BC, uniform(rules.seed, 2 * count_B + 1)), nucleus_B)
    return drawn_B.masked_fill(~inside_BN[:, 0], NO_CODE)


def _from_all(probabilities_BC: Tensor, uniform_B: Tensor) -> Tensor:
    """A token from the whole softmax (B,)."""
    sums_BC = probabilities_BC.double().cumsum(1)  # float32 would lose the tail
    point_B1 = (sums_BC[:, -1] * uniform_B)[:, None]
    return torch.searchsorted(sums_BC, point_B1, right=True)[:, 0].clamp(max=probabilities_BC.shape[1] - 1)


def uniform(seed_B: Tensor, number_B: Tensor) -> Tensor:
    """Random numbers (B,) from 0 to below 1, double precision: the values at `number_B` of the sequences of seeds."""
    mixed_B = _mixed(_mixed(seed_B + _signed(GAMMA)) + (number_B + 1) * _signed(GAMMA))
    return _shifted(mixed_B, 11).double() * 2.0**-53  # 53 bits: a double's


def _mixed(bits_B: Tensor) -> Tensor:
    """The finaliser of SplitMix64; products of 64-bit integers wrap around."""
    bits_B = (bits_B ^ _shifted(bits_B, 30)) * _signed(FIRST)
    bits_B = (bits_B ^ _shifted(bits_B, 27)) * _signed(SECOND)
    return bits_B ^ _shifted(bits_B, 31)


def _shifted(bits_B: Tensor, count: int) -> Tensor:
    """Shifted right, with zeros from the left."""
    # `>>` of PyTorch's signed integers repeats the sign
    return (bits_B >> count) & ((1 << (64 - count)) - 1)


def _signed(constant: int) -> int:
    # the same 64 bits as PyTorch's signed integers have them
    return constant - (1 << 64) if constant >> 63 else constant
