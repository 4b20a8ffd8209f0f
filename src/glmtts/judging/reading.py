"""What a recogniser reads in one utterance: log-probabilities of the labels at each of its speech tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from glmtts.ctc import ctc_costs, ctc_path
from glmtts.stages import Recogniser
from glmtts.text.labels import BOUNDARY, LABEL_IDS, LABELS, without_boundaries

SAME_NATS = 0.1  # lengths whose costs differ by less end in the same silence


def log_probs_of(
    recogniser: Recogniser, tokens_BS: np.ndarray, start: int = 0, lengths_B: np.ndarray | None = None
) -> np.ndarray:
    """What a recogniser says of tokens (B, S), as an array (B, S, V), whether it takes NumPy's arrays or tensors."""
    if getattr(recogniser, "NUMPY", False):
        return np.asarray(recogniser.log_probs(tokens_BS, start, lengths_B))  # type: ignore[arg-type]
    import torch

    lengths = None if lengths_B is None else torch.from_numpy(lengths_B)
    return np.asarray(recogniser.log_probs(torch.from_numpy(tokens_BS), start, lengths).cpu().numpy())


def best_path(scores_SV: np.ndarray) -> list[str]:
    """Labels of the best path of CTC: repetitions merged, blanks dropped."""
    path = scores_SV.argmax(-1)
    # the first of each run of equal labels
    kept = path[np.r_[True, path[1:] != path[:-1]]] if len(path) else path
    return [LABELS[label] for label in kept if label]  # label 0 is the blank


@dataclass(frozen=True)
class Reading:
    """Log-probabilities of `LABELS` (S, V) at each token; all questions about the tokens are answered from these."""

    log_probs_SV: np.ndarray

    @cached_property
    def labels(self) -> list[str]:
        """What the tokens say: the best path of CTC, word boundaries included."""
        return best_path(self.log_probs_SV)

    @cached_property
    def trailing_silence(self) -> int:
        """Tokens after the last in which a label is read; 0 where none is read at all."""
        return len(self.log_probs_SV) - 1 - int(self._said[-1]) if len(self._said) else 0

    @cached_property
    def leading_silence(self) -> int:
        """Tokens before the first in which a label is read; 0 where none is read at all."""
        return int(self._said[0]) if len(self._said) else 0

    def heard_after(self, end: int) -> bool:
        """Whether a phoneme, not a boundary alone, is read in the tokens from `end` on."""
        # a run that `end` cuts counts as heard after it
        return bool(without_boundaries(best_path(self.log_probs_SV[end:])))

    def nll(self, labels: Sequence[str]) -> float:
        """−log P(labels | tokens) of CTC a label, in nats: low where the tokens say just this."""
        return float(self._costs(labels)[-1]) / max(1, len(labels))

    def without_first_word(self, labels: Sequence[str]) -> bool:
        """Whether the tokens say `labels` better without their first word, or syllable of Mandarin: it was not said.

        By the likelihood ratio of CTC. Of 154 words at the ends of pieces, those that were said gave 5 nats or more
        for the word, the four that were lost 12 or more against it.
        """
        return BOUNDARY in labels and self._rather(labels[list(labels).index(BOUNDARY) + 1 :], labels)

    def without_last_word(self, labels: Sequence[str]) -> bool:
        """As `without_first_word`, of the last one."""
        return BOUNDARY in labels and self._rather(labels[: -1 - list(labels)[::-1].index(BOUNDARY)], labels)

    def _rather(self, labels: Sequence[str], than: Sequence[str]) -> bool:
        # the costs of all labels, not means of them: only so their difference is a ratio of likelihoods
        return self.nll(labels) * len(labels) < self.nll(than) * len(than)

    def text_end(self, labels: Sequence[str], longest_tail: int) -> int:
        """How many of the tokens say `labels`, where more is said after them: the last length of the least cost.

        All lengths are compared on this one reading, which knows what follows; at most `longest_tail` tokens are taken
        for what follows. It is all of the tokens where they say none of the labels.
        """
        size = len(self.log_probs_SV)
        first = max(1, size - longest_tail)
        # the cost at s is that of s + 1 tokens, so place 0 here is the length `first`
        costs_B = self._costs(labels)[first - 1 :]
        best = costs_B.min()
        return int(first + np.flatnonzero(costs_B <= best + SAME_NATS)[-1]) if np.isfinite(best) else size

    def align(self, labels: Sequence[str]) -> np.ndarray:
        """The label (its place in `labels`) that each token speaks, (S,) int32; empty where that cannot be."""
        if not labels:
            return np.zeros(0, dtype=np.int32)
        try:
            return ctc_path(self.log_probs_SV, np.array([LABEL_IDS[label] for label in labels]))
        except ValueError:
            # fewer tokens than the labels need
            return np.zeros(0, dtype=np.int32)

    def _costs(self, labels: Sequence[str]) -> np.ndarray:
        """−log P(labels | the first s + 1 tokens) at s, (S,); kept, since most questions begin with the whole text."""
        asked = tuple(labels)
        if asked not in self._known_costs:
            ids_L = np.array([LABEL_IDS[label] for label in asked], dtype=np.int64)
            self._known_costs[asked] = ctc_costs(self.log_probs_SV, ids_L)
        return self._known_costs[asked]

    @cached_property
    def _said(self) -> np.ndarray:
        """Places of the tokens in which a label is read; label 0 is the blank."""
        return self.log_probs_SV.argmax(-1).nonzero()[0]

    @cached_property
    def _known_costs(self) -> dict[tuple[str, ...], np.ndarray]:
        return {}
