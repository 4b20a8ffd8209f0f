"""The ASR head after the codebook: it makes the codes keep what is said (report section 2.3).

The report decodes words with an attention decoder; here CTC over phonemes stands in its place, which a few hours of
speech can train.
"""

from torch import Tensor, nn

from glmtts.speech_tokenizer.encoder import EncoderLayer, attention_mask
from glmtts.speech_tokenizer.model import SpeechTokenizerConfig
from glmtts.text.labels import LABELS


def best_path(scores_SV: Tensor) -> list[str]:
    """Labels of the best path of CTC: repetitions merged, blanks dropped."""
    path = scores_SV.argmax(-1).unique_consecutive().tolist()
    return [LABELS[label] for label in path if label]  # label 0 is the blank


class AsrHead(nn.Module):
    """Quantised vectors (B, S, D) with their mask (B, S) to logits of `LABELS` (B, S · labels_per_token, V).

    A second position table and layers, as after the codebook of the report's encoder, then a linear layer.
    """

    def __init__(self, config: SpeechTokenizerConfig) -> None:
        super().__init__()
        self.config = config
        width = config.d_model
        self.embed_positions = nn.Embedding(config.max_positions // config.pooling, width)
        nn.init.normal_(self.embed_positions.weight, std=0.02)
        self.layers = nn.ModuleList(EncoderLayer(width, config.heads, config.ffn) for _ in range(config.layers_after))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, config.labels_per_token * len(LABELS))

    def forward(self, quantised_BSD: Tensor, mask_BS: Tensor, start: int = 0) -> Tensor:
        """See the class; `start` is the position of the first vector."""
        hidden = quantised_BSD + self.embed_positions.weight[start : start + mask_BS.shape[1]]
        # a block has as many seconds as before the codebook: its frames are pooled to tokens
        block = max(1, self.config.block_frames // self.config.pooling)
        mask = attention_mask(mask_BS, self.config.causal_attention, block)
        for layer in self.layers:
            hidden = layer(hidden, mask)
        # (B, S, labels_per_token · V) to (B, S · labels_per_token, V): the labels of a token follow each other in time
        return self.out(self.norm(hidden)).view(len(hidden), -1, len(LABELS))
