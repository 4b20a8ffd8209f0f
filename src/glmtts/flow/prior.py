"""A first guess of the mel, read from tokens and speaker, that conditions the velocity beside the tokens.

As in Grad-TTS (Popov et al., 2021) and Matcha-TTS (Mehta et al., 2024), the flow then adds what an average leaves
out. The head comes trained from the speech tokenizer and stays as it is; the released model has none.
"""

import torch
from torch import Tensor, nn

from glmtts.speech_tokenizer.mel_head import MelHead
from glmtts.speech_tokenizer.train import SpeechTokenizerTraining


class MelPrior(nn.Module):
    """Tokens (B, S) and unit speaker vectors (B, E) to log-mels (B, S · upsample, M)."""

    def __init__(self, vocabulary: int, channels: int, upsample: int, n_mels: int, speaker: int) -> None:
        super().__init__()
        self.codes = nn.Embedding(vocabulary, channels)
        self.head = MelHead(None, upsample, channels, n_mels, speaker)
        self.requires_grad_(False)

    def forward(self, tokens_BS: Tensor, speaker_BE: Tensor, mask_BS: Tensor | None = None) -> Tensor:
        """See the class; `mask_BS` is true on real tokens."""
        mask_BS = torch.ones_like(tokens_BS, dtype=torch.bool) if mask_BS is None else mask_BS
        return self.head(self.codes(tokens_BS), speaker_BE, mask_BS)

    @torch.no_grad()
    def start_from(self, trained: SpeechTokenizerTraining) -> None:
        """Take the tokenizer's mel head, with its codebook folded into the table of codes."""
        assert trained.mel is not None
        codes = trained.mel.enter(trained.expand(trained.tokenizer.codebook.weight))
        self.codes.weight.copy_(codes)
        head = {name: value for name, value in trained.mel.state_dict().items() if not name.startswith("enter.")}
        self.head.load_state_dict(head)
