"""A deterministic mel prior predicted from tokens, speaker and pitch; it conditions the velocity beside the tokens.

As in Grad-TTS (Popov et al., 2021) and Matcha-TTS (Mehta et al., 2024), the flow then adds what an average leaves
out. The head comes trained from the speech tokenizer and is trained on with the flow; the released model has none.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glmtts.audio.mel import MelConfig, mel_filters
from glmtts.audio.mel_head import MelHead
from glmtts.errors import ConfigError
from glmtts.flow.pitch import TokenPitch


class MelPrior(nn.Module):
    """Tokens (B, S) and unit speaker vectors (B, E) to log-mels (B, S · upsample, M).

    With `pitch_width` it is conditioned on the speaker's median F0 too (pitch.py). `mel` is the geometry of the mel.
    """

    def __init__(
        self, vocabulary: int, channels: int, upsample: int, speaker: int, pitch_width: int | None, mel: MelConfig
    ) -> None:
        super().__init__()
        self.codes = nn.Embedding(vocabulary, channels)
        self.head = MelHead(None, upsample, channels, mel.n_mels, speaker)  # `codes` has its width
        self.pitch = None
        if pitch_width is not None:
            filters = mel_filters(mel.sample_rate, mel.n_fft, mel.n_mels, mel.f_min, mel.f_max)
            self.pitch = TokenPitch(vocabulary, pitch_width, upsample, channels, filters, mel.sample_rate)

    def forward(
        self,
        tokens_BS: Tensor,
        speaker_BE: Tensor,
        mask_BS: Tensor | None = None,
        f0_B: Tensor | None = None,
        adaptation_BLK: Tensor | None = None,
    ) -> Tensor:
        """See the class; `mask_BS` is true on real tokens, `f0_B` is the median F0 in Hz.

        `adaptation_BLK` is what a voice adds to the modulation of the head's blocks (adaptation.py).

        Raises:
            ConfigError: the prior knows of pitch and is told no F0.
        """
        mask_BS = torch.ones_like(tokens_BS, dtype=torch.bool) if mask_BS is None else mask_BS
        excitation_BTD = None
        if self.pitch is not None:
            if f0_B is None:
                raise ConfigError("This flow model needs the median F0 of the voice. Make the voice again.")
            excitation_BTD = self.pitch(tokens_BS, f0_B, mask_BS)
        return self.head(self.codes(tokens_BS), speaker_BE, mask_BS, excitation_BTD, adaptation_BLK)

    @torch.no_grad()
    def start_from(self, vectors_CD: Tensor, head: Mapping[str, Tensor]) -> None:
        """Begin as a mel head that was trained with a codebook.

        `vectors_CD` are the vectors of the codes that the head was given, `head` its weights (audio/mel_head.py); its
        input projection is folded into the table of codes.
        """
        weight, bias = head["in_proj.weight"], head["in_proj.bias"]
        self.codes.weight.copy_(F.linear(vectors_CD, weight, bias))
        self.head.load_state_dict({name: value for name, value in head.items() if not name.startswith("in_proj.")})
