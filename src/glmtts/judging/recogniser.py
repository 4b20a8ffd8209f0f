"""The recogniser of speech tokens: the ASR head of the tokenizer's training, kept to judge what is generated."""

from typing import Self

import torch
from torch import Tensor, nn

from glmtts.errors import ConfigError
from glmtts.judging.reading import Reading
from glmtts.speech_tokenizer.asr import AsrHead
from glmtts.speech_tokenizer.model import SpeechTokenizerConfig


class TokenRecogniser(nn.Module):
    """The ASR head with a table of codes in front, so that it reads tokens without the encoder.

    Raises:
        ConfigError: the head has several labels a token.
    """

    def __init__(self, config: SpeechTokenizerConfig) -> None:
        super().__init__()
        if config.labels_per_token > 1:
            raise ConfigError("A judge tells of each token what it says; a head of several labels a token cannot.")
        self.config = config
        # the codebook vectors that quantised encoder outputs would be: the head never learnt from others
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
    def log_probs(self, tokens_BS: Tensor, start: int = 0, lengths_B: Tensor | None = None) -> Tensor:
        """Log-probabilities of `LABELS` (B, S, V), in float32, at each of the tokens (B, S).

        The first is token `start` of its utterance; rows that are shorter than S have their lengths in `lengths_B`.
        """
        mask_BS = torch.ones_like(tokens_BS, dtype=torch.bool)
        if lengths_B is not None:
            mask_BS = torch.arange(tokens_BS.shape[1], device=tokens_BS.device) < lengths_B[:, None]
        tokens_BS = tokens_BS.to(self.codes.weight.device)
        return self.head(self.codes(tokens_BS), mask_BS.to(tokens_BS.device), start).float().log_softmax(-1)

    def read(self, tokens_S: Tensor) -> Reading:
        """What tokens (S,), at least one and at most `longest`, say."""
        return Reading(self.log_probs(tokens_S[None])[0].cpu().numpy())
