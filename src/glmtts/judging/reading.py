"""What a recogniser reads in one utterance: log-probabilities of the labels at each of its speech tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from glmtts.ctc import ctc_path
from glmtts.speech_tokenizer.asr import best_path
from glmtts.text.labels import BOUNDARY, LABEL_IDS, without_boundaries

SAME_NATS = 0.1  # lengths whose costs differ by less end in the same silence


@dataclass(frozen=True)
class Reading:
    """Log-probabilities of `LABELS` (S, V) at each token; all questions about the tokens are answered from these."""

    log_probs_SV: Tensor

    @cached_property
    def labels(self) -> list[str]:
        """What the tokens say: the best path of CTC, word boundaries included."""
        return best_path(self.log_probs_SV)

    @cached_property
    def trailing_silence(self) -> int:
        """Tokens after the last in which a label is read; 0 where none is read at all."""
        said = self.log_probs_SV.argmax(-1).nonzero()
        return len(self.log_probs_SV) - 1 - int(said.max()) if len(said) else 0

    def heard_after(self, end: int) -> bool:
        """Whether a phoneme, not a boundary alone, is read in the tokens from `end` on."""
        return bool(without_boundaries(best_path(self.log_probs_SV[end:])))

    def nll(self, labels: Sequence[str]) -> float:
        """−log P(labels | tokens) of CTC a label, in nats: low where the tokens say just this."""
        wanted_BL = torch.tensor([[LABEL_IDS[label] for label in labels]])
        lengths = torch.tensor([len(self.log_probs_SV)]), torch.tensor([len(labels)])
        return float(F.ctc_loss(self.log_probs_SV[:, None], wanted_BL, *lengths))

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
        return self.nll(labels) * len(labels) < self.nll(than) * len(than)

    def text_end(self, labels: Sequence[str], longest_tail: int) -> int:
        """How many of the tokens say `labels`, where more is said after them: the last length of the least cost.

        All lengths are compared on this one reading, which knows what follows; at most `longest_tail` tokens are taken
        for what follows. It is all of the tokens where they say none of the labels.
        """
        size = len(self.log_probs_SV)
        lengths_B = torch.arange(max(1, size - longest_tail), size + 1)
        wanted_BL = torch.tensor([[LABEL_IDS[label] for label in labels]]).expand(len(lengths_B), -1)
        log_probs_SBV = self.log_probs_SV[:, None].expand(-1, len(lengths_B), -1).contiguous()
        wanted_lengths_B = torch.full_like(lengths_B, len(labels))
        costs_B = F.ctc_loss(log_probs_SBV, wanted_BL, lengths_B, wanted_lengths_B, reduction="none")
        best = costs_B.min()
        return int(lengths_B[costs_B <= best + SAME_NATS].max()) if torch.isfinite(best) else size

    def align(self, labels: Sequence[str]) -> np.ndarray:
        """The label (its place in `labels`) that each token speaks, (S,) int32; empty where that cannot be."""
        if not labels:
            return np.zeros(0, dtype=np.int32)
        try:
            return ctc_path(self.log_probs_SV.numpy(), np.array([LABEL_IDS[label] for label in labels]))
        except ValueError:
            return np.zeros(0, dtype=np.int32)
