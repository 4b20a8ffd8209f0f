"""The distribution that answers are drawn from, in closed form: log-probabilities of exactly what was sampled.

Tokens come from a nucleus, and those that repeat too often are drawn again from the whole softmax (lm/sampling.py).
That is a mixture: with q the nucleus, p the softmax and R = Σ q over tokens that repeat,

    P(x) = q(x) [x does not repeat] + R p(x).

A policy gradient of log p for samples of P is biased; so P is what the objective differentiates. Which tokens the
nucleus holds and which repeat are constants of the sample. A reference or a later policy is renormalised over the same
nucleus, so that their ratios exist.
"""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from glmtts.lm.request import SamplingConfig


@dataclass(frozen=True)
class Support:
    """What is constant in the distribution of N draws from C choices (the last one is the end of audio).

    `allowed_NC` are the choices that may be drawn at all, `nucleus_NC` those of the nucleus, `repeating_NC` those that
    would be drawn again; the last two are None where all tokens are in and nothing repeats.
    """

    temperature: float
    allowed_NC: Tensor
    nucleus_NC: Tensor | None
    repeating_NC: Tensor | None

    @classmethod
    @torch.no_grad()
    def of(cls, logits_NC: Tensor, sampling: SamplingConfig, least_N: Tensor, tokens: list[list[int]]) -> Self:
        """The support of the draws whose logits these are, one after another for each of the answers `tokens`.

        `least_N` is true where the end of audio was not yet allowed.
        """
        allowed_NC = _allowed(logits_NC, least_N)
        # where nothing is cut, no mask of N × C is held
        whole = sampling.top_p >= 1 and sampling.top_k >= logits_NC.shape[1]
        nucleus_NC = None if whole else _nucleus(_tempered(logits_NC, sampling.temperature, allowed_NC), sampling)
        repeating_NC = None
        # a count is at most the window's length: a threshold above 1 is never reached
        if sampling.repetition_threshold <= 1:
            counts_NC = torch.cat([_recent_counts(one, sampling, logits_NC) for one in tokens])
            repeating_NC = counts_NC >= sampling.repetition_window * sampling.repetition_threshold
        return cls(sampling.temperature, allowed_NC, nucleus_NC, repeating_NC)

    @classmethod
    def softmax(cls, logits_NC: Tensor, least_N: Tensor) -> Self:
        """The support of draws from the whole softmax at temperature 1, whatever they were drawn by."""
        return cls(1.0, _allowed(logits_NC, least_N), None, None)

    def to(self, device: torch.device) -> Self:
        """The same on a device."""
        nucleus_NC, repeating_NC = (
            None if part is None else part.to(device) for part in (self.nucleus_NC, self.repeating_NC)
        )
        return replace(self, allowed_NC=self.allowed_NC.to(device), nucleus_NC=nucleus_NC, repeating_NC=repeating_NC)

    @property
    def _redrawn_N(self) -> Tensor:
        """Whether what is drawn first may repeat (N,), and be drawn again from the whole softmax."""
        assert self.repeating_NC is not None
        first_NC = self.allowed_NC if self.nucleus_NC is None else self.nucleus_NC
        return (first_NC & self.repeating_NC).any(1)

    def with_drawn(self, drawn_N: Tensor) -> Self:
        """The same with every draw (N,) possible.

        Where the forward rounds otherwise than the decoder did, as in bfloat16, what stood on the edge of the nucleus
        falls out of it; log P = −∞ of something that was drawn would turn the loss into NaN.
        """
        if self.nucleus_NC is None:
            return self
        place_N1 = drawn_N[:, None]
        inside_N1 = torch.ones_like(place_N1, dtype=torch.bool)
        if self.repeating_NC is not None:  # what was drawn again came from the whole softmax, and need not be inside
            inside_N1 = self.nucleus_NC.gather(1, place_N1) | ~self._redrawn_N[:, None]
        return replace(self, nucleus_NC=self.nucleus_NC.scatter(1, place_N1, inside_N1))

    def log_probs(self, logits_NC: Tensor, drawn_N: Tensor) -> tuple[Tensor, Tensor]:
        """log P of the draws (N,) under a policy with these logits, and the entropies (N,) of its softmax in nats."""
        log_p_NC = _tempered(logits_NC, self.temperature, self.allowed_NC)
        # 0 in place of −∞, as p log p is 0 at p = 0. Not torch.special.entr, whose slope there is ∞: times that of exp,
        # which is 0, it is NaN, also where p is too small for a float32
        entropies_N = -(log_p_NC.exp() * log_p_NC.masked_fill(~self.allowed_NC, 0)).sum(1)
        place_N1 = drawn_N[:, None]
        inner_NC = log_p_NC
        if self.nucleus_NC is not None:
            # log q: the softmax renormalised within the nucleus
            inner_NC = log_p_NC.masked_fill(~self.nucleus_NC, -torch.inf).log_softmax(1)
        direct_N = inner_NC.gather(1, place_N1)[:, 0]
        if self.repeating_NC is None:
            return direct_N, entropies_N
        again_NC = inner_NC.masked_fill(~self.repeating_NC, -torch.inf)
        some_N = self._redrawn_N
        repeats_N = self.repeating_NC.gather(1, place_N1)[:, 0]
        # log R + log p(x), the second term of the mixture. Rows in which nothing repeats hold −∞ alone, where the
        # gradient of logsumexp is 0 / 0: they are filled here and taken out below
        redrawn_N = again_NC.where(some_N[:, None], 0).logsumexp(1) + log_p_NC.gather(1, place_N1)[:, 0]
        redrawn_N, direct_N = redrawn_N.where(some_N, -torch.inf), direct_N.masked_fill(repeats_N, -torch.inf)
        return _log_sum(direct_N, redrawn_N), entropies_N


def _log_sum(first_N: Tensor, second_N: Tensor) -> Tensor:
    """log(e^first + e^second) where either may be −∞, with gradients that stay finite."""
    # filled first and chosen afterwards: torch.where sends a gradient of 0 into the branch that it does not take, and 0
    # · NaN is NaN
    none_first, none_second = torch.isinf(first_N.detach()), torch.isinf(second_N.detach())
    both = torch.logaddexp(first_N.masked_fill(none_first, 0), second_N.masked_fill(none_second, 0))
    return torch.where(none_second, first_N, torch.where(none_first, second_N, both))


def _allowed(logits_NC: Tensor, least_N: Tensor) -> Tensor:
    """True for the choices that may be drawn; `least_N` is true where the end of audio was not yet."""
    allowed_NC = torch.ones_like(logits_NC, dtype=torch.bool)
    allowed_NC[least_N, -1] = False
    return allowed_NC


def _tempered(logits_NC: Tensor, temperature: float, allowed_NC: Tensor) -> Tensor:
    # masked before the softmax: what may not be drawn has no share of the normalisation
    return (logits_NC.float() / temperature).masked_fill(~allowed_NC, -torch.inf).log_softmax(1)


def _nucleus(log_p_NC: Tensor, sampling: SamplingConfig) -> Tensor:
    """True for the choices of the nucleus, as `lm.sampling.draw` takes them."""
    values_NK, ids_NK = log_p_NC.exp().topk(min(sampling.top_k, log_p_NC.shape[1]))
    # without its own probability: the choice that crosses top_p is still inside, as in Holtzman et al. (2020)
    inside_NK = (values_NK.cumsum(1) - values_NK < sampling.top_p) & (values_NK > 0)
    return torch.zeros_like(log_p_NC, dtype=torch.bool).scatter(1, ids_NK, inside_NK)


def _recent_counts(tokens: list[int], sampling: SamplingConfig, like_NC: Tensor) -> Tensor:
    """How often each choice stands in the window before each draw of one answer: codes, then perhaps the end."""
    draws, choices = len(tokens), like_NC.shape[1]
    counts = torch.zeros(draws, choices, device=like_NC.device)
    drawn_S = torch.tensor(tokens, device=like_NC.device)
    for back in range(1, min(sampling.repetition_window, draws - 1) + 1):
        rows = torch.arange(back, draws, device=like_NC.device)
        # each row once for each `back`, so that no addition is lost to an index that comes twice
        counts[rows, drawn_S[:-back]] += 1
    return counts
