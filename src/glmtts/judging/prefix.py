"""How well unfinished speech tokens say the beginning of a text, by the forward recursion of CTC (Graves et al., 2006).

The tokens of several candidates of one length are scored together. What was read once is kept, so that a call reads
the new tokens and a little before them.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from glmtts.ctc import ctc_states
from glmtts.stages import Recogniser
from glmtts.text.labels import LABEL_IDS

LEFT, RIGHT = 32, 6  # tokens of context that a new one is read with
REWARD = 0.5  # nats a label that was said; without it silence, which costs nothing to read, would always win


class PrefixScorer:
    """Scores for `count` candidates that say the same `labels`.

    A token is final once `RIGHT` tokens follow it; the recogniser sees `LEFT` tokens before the first new one. A label
    that was said is worth `REWARD`, or silence, which costs nothing to read, would always win.
    """

    def __init__(self, recogniser: Recogniser, labels: Sequence[str], count: int) -> None:
        self.recogniser = recogniser
        states = ctc_states(np.array([LABEL_IDS[label] for label in labels]))
        self._states, self._may_skip = map(torch.from_numpy, states)
        self._reward = REWARD * torch.arange(len(labels) + 1)
        self._alpha_NL = torch.full((count, len(self._states)), -torch.inf)
        self._final = 0

    @property
    def longest(self) -> int:
        """Tokens that can be scored at most."""
        return self.recogniser.longest

    @torch.inference_mode()
    def score(self, tokens_NS: Tensor) -> Tensor:
        """max over prefixes of log P(prefix | tokens) + `REWARD` · its labels, for candidates (N, S), shape (N,).

        Later calls bring the same tokens with more behind them, but for what `reorder` changed.
        """
        length = tokens_NS.shape[1]
        start = max(0, self._final - LEFT)
        log_probs_NSV = self.recogniser.log_probs(tokens_NS[:, start:], start).cpu()[:, self._final - start :]
        emitted_NSL = log_probs_NSV[:, :, self._states]
        final = max(self._final, length - RIGHT)
        alpha = self._alpha_NL
        for frame in range(self._final, length):
            alpha = self._advanced(alpha, emitted_NSL[:, frame - self._final], first=frame == 0)
            if frame == final - 1:
                self._alpha_NL = alpha
        self._final = final
        prefixes = alpha[:, ::2].clone()
        prefixes[:, 1:] = torch.logaddexp(prefixes[:, 1:], alpha[:, 1::2])
        return (prefixes + self._reward).amax(1)

    def reorder(self, rows: Sequence[int]) -> None:
        """Candidate n continues candidate rows[n] from now on."""
        self._alpha_NL = self._alpha_NL[list(rows)]

    def _advanced(self, alpha_NL: Tensor, emitted_NL: Tensor, first: bool) -> Tensor:
        if first:
            begun = torch.full_like(alpha_NL, -torch.inf)
            begun[:, :2] = emitted_NL[:, :2]
            return begun
        one, two = torch.full_like(alpha_NL, -torch.inf), torch.full_like(alpha_NL, -torch.inf)
        one[:, 1:] = alpha_NL[:, :-1]
        two[:, 2:] = torch.where(self._may_skip[2:], alpha_NL[:, :-2], -torch.inf)
        return torch.logsumexp(torch.stack([alpha_NL, one, two]), 0) + emitted_NL
