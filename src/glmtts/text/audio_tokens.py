"""Where speech lives in the vocabulary of the language model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from glmtts.text.tokenizer import BEGIN_OF_AUDIO, END_OF_AUDIO, PADDING, TextTokenizer

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class AudioTokens:
    """Speech tokens have the ids `first` … `first + count − 1`; `begin` and `end` are the marks around them."""

    first: int
    count: int
    begin: int
    end: int
    padding: int

    @classmethod
    def of(cls, tokenizer: TextTokenizer) -> AudioTokens:
        """Read the ids from a vocabulary; its audio tokens are `<|audio_0|>` and those that follow."""
        audio = [name for name in tokenizer.special if name.startswith("<|audio_")]
        return cls(
            first=tokenizer.token_id("<|audio_0|>"),
            count=len(audio),
            begin=tokenizer.token_id(BEGIN_OF_AUDIO),
            end=tokenizer.token_id(END_OF_AUDIO),
            padding=tokenizer.token_id(PADDING),
        )

    def choices(self, embedding_VD: Tensor) -> Tensor:
        """Rows of the (tied) embedding that may follow in speech: every code, then the end of audio (C + 1, D)."""
        import torch

        return torch.cat([embedding_VD[self.first : self.first + self.count], embedding_VD[self.end, None]])
