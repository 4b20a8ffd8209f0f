"""How well unfinished speech tokens say the beginning of a text, by the forward recursion of CTC (Graves et al., 2006).

The tokens of several candidates of one length are scored together. What was read once is kept, so that a call reads
the new tokens and a little before them.
"""

from collections.abc import Sequence

import numpy as np

from glmtts.ctc import advanced, ctc_states
from glmtts.judging.reading import log_probs_of
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
        self._states, self._may_skip = states
        self._reward = REWARD * np.arange(len(labels) + 1, dtype=np.float32)
        # forward variables after the last final token; −∞ before any: `advanced` begins anew at frame 0
        self._alpha_NL = np.full((count, len(self._states)), -np.inf, np.float32)
        self._final = 0

    @property
    def longest(self) -> int:
        """Tokens that can be scored at most."""
        return self.recogniser.longest

    def score(self, tokens_NS: np.ndarray) -> np.ndarray:
        """max over prefixes of log P(prefix | tokens) + `REWARD` · its labels, for candidates (N, S), shape (N,).

        Later calls bring the same tokens with more behind them, but for what `reorder` changed.
        """
        length = tokens_NS.shape[1]
        start = max(0, self._final - LEFT)
        # what stands before the first new token is context: it is read, and cut off again
        log_probs_NSV = log_probs_of(self.recogniser, tokens_NS[:, start:], start)[:, self._final - start :]
        emitted_NSL = log_probs_NSV[:, :, self._states]
        final = max(self._final, length - RIGHT)
        alpha = self._alpha_NL
        for frame in range(self._final, length):
            alpha = advanced(alpha, emitted_NSL[:, frame - self._final], self._may_skip, first=frame == 0)
            # tokens after it may be read otherwise once more follow: from here the next call begins
            if frame == final - 1:
                self._alpha_NL = alpha
        self._final = final
        # l labels are said in the state of the l-th label or of the blank behind it, 2 l − 1 and 2 l
        prefixes = alpha[:, ::2].copy()
        prefixes[:, 1:] = np.logaddexp(prefixes[:, 1:], alpha[:, 1::2])
        best_N: np.ndarray = (prefixes + self._reward).max(1)
        return best_N

    def reorder(self, rows: Sequence[int]) -> None:
        """Candidate n continues candidate rows[n] from now on."""
        self._alpha_NL = self._alpha_NL[list(rows)]
