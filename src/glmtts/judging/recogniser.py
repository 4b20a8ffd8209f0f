"""Phonemes read from speech tokens: the ASR head of training, kept as a judge of what the language model wrote."""

from typing import Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glmtts.judging.ctc import ctc_path
from glmtts.speech_tokenizer.asr import AsrHead, best_path
from glmtts.speech_tokenizer.model import SpeechTokenizerConfig
from glmtts.text.labels import LABEL_IDS

LONGEST_TAIL = 60  # tokens after the text that are looked for
SAME_COST = 0.1  # nats by which lengths may differ that end in the same silence


class TokenRecogniser(nn.Module):
    """The ASR head with a table of codes in front, so that it reads tokens without the encoder."""

    def __init__(self, config: SpeechTokenizerConfig) -> None:
        super().__init__()
        self.config = config
        self.codes = nn.Embedding(config.codes, config.d_model)
        self.head = AsrHead(config)

    @classmethod
    @torch.no_grad()
    def of(cls, asr: AsrHead, vectors_CD: Tensor) -> Self:
        """A trained ASR head with the vectors of the codes that it was given."""
        recogniser = cls(asr.config)
        recogniser.codes.weight.copy_(vectors_CD)
        recogniser.head.load_state_dict(asr.state_dict())
        return recogniser.eval()

    @property
    def longest(self) -> int:
        """Tokens that can be read at once."""
        return self.head.embed_positions.num_embeddings

    @torch.inference_mode()
    def log_probs(self, tokens_BS: Tensor, start: int = 0) -> Tensor:
        """Log-probabilities of `LABELS` (B, S, V) at each of the tokens (B, S), the first of which is token `start`."""
        mask_BS = torch.ones_like(tokens_BS, dtype=torch.bool)
        return self.head(self.codes(tokens_BS), mask_BS, start).log_softmax(-1)

    def read(self, tokens_S: Tensor) -> list[str]:
        """The labels that tokens (S,) say, word boundaries included."""
        return best_path(self.log_probs(tokens_S[None])[0])

    def align(self, tokens_S: Tensor, labels: list[str]) -> np.ndarray:
        """The label (its place in `labels`) that each token speaks, shape (S,); empty where that cannot be."""
        if not labels or not 0 < len(tokens_S) <= self.longest:
            return np.zeros(0, dtype=np.int32)
        log_probs_SV = self.log_probs(tokens_S[None])[0].float().cpu().numpy()
        try:
            return ctc_path(log_probs_SV, np.array([LABEL_IDS[label] for label in labels]))
        except ValueError:
            return np.zeros(0, dtype=np.int32)

    @torch.inference_mode()
    def cost(self, tokens_S: Tensor, labels: list[str]) -> float:
        """−log P(labels | tokens) of CTC a label: low where the tokens say just this. Infinite where they cannot."""
        wanted = torch.tensor([[LABEL_IDS[label] for label in labels]])
        if not 0 < len(tokens_S) <= self.longest:
            return float("inf")
        log_probs_SBV = self.log_probs(tokens_S[None])[0].float().cpu()[:, None]
        loss = F.ctc_loss(log_probs_SBV, wanted, torch.tensor([len(tokens_S)]), torch.tensor([len(labels)]))
        return float(loss)

    def quiet_end(self, tokens_S: Tensor) -> int:
        """How many tokens after the last in which a label is read; 0 where none is read, or they cannot be read."""
        if not 0 < len(tokens_S) <= self.longest:
            return 0
        said = self.log_probs(tokens_S[None])[0].argmax(-1).nonzero()
        return len(tokens_S) - 1 - int(said.max()) if len(said) else 0

    @torch.inference_mode()
    def end_of(self, tokens_S: Tensor, labels: list[str]) -> int:
        """How many of the tokens say `labels`, where more is said after them: the last length of the least cost.

        All lengths are judged in one reading of the whole, which knows what follows; what follows may be 60 tokens
        long. It is all of the tokens where they cannot be read or say none of it.
        """
        size = len(tokens_S)
        if not labels or not 0 < size <= self.longest:
            return size
        lengths_B = torch.arange(max(1, size - LONGEST_TAIL), size + 1)
        wanted_BL = torch.tensor([[LABEL_IDS[label] for label in labels]]).expand(len(lengths_B), -1)
        log_probs_SBV = self.log_probs(tokens_S[None])[0].float().cpu()[:, None].expand(-1, len(lengths_B), -1)
        wanted_lengths_B = torch.full_like(lengths_B, len(labels))
        costs_B = F.ctc_loss(log_probs_SBV.contiguous(), wanted_BL, lengths_B, wanted_lengths_B, reduction="none")
        best = costs_B.min()
        if not torch.isfinite(best):
            return size
        return int(lengths_B[costs_B <= best + SAME_COST].max())
