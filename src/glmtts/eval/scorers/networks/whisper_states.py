"""The hidden states of a Whisper encoder (Radford et al., 2022), as features for small classifiers."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glmtts.audio.mel import WhisperFeatures
from glmtts.config import Count, StrictConfig
from glmtts.speech_tokenizer.encoder import Convolution, EncoderLayer

SAMPLE_RATE = 16000
LONGEST_SECONDS = 30  # as many positions as Whisper has


class WhisperStatesConfig(StrictConfig):
    """Sizes of the encoder; the defaults are Whisper-base's."""

    width: Count = 512
    heads: Count = 8
    ffn: Count = 2048
    layers: Count = 6
    n_mels: Count = 80
    positions: Count = 1500
    pooling: Count = 10


class WhisperStates(nn.Module):
    """Every layer's output at 5 frames a second. The audio is not padded to 30 s: a short clip costs a short clip."""

    def __init__(self, config: WhisperStatesConfig) -> None:
        super().__init__()
        self.config = config
        self.features = WhisperFeatures(config.n_mels)
        self.conv1 = Convolution(config.n_mels, config.width, 1, causal=False)
        self.conv2 = Convolution(config.width, config.width, 2, causal=False)
        self.embed_positions = nn.Embedding(config.positions, config.width)
        self.layers = nn.ModuleList(EncoderLayer(config.width, config.heads, config.ffn) for _ in range(config.layers))

    @property
    def states(self) -> int:
        """How many states there are: the embedding's and each layer's."""
        return self.config.layers + 1

    def forward(self, samples_T: Tensor) -> Tensor:
        """16 kHz samples (T,) of one clip, at most 30 s of it, to states (L, frames, D), averaged over 10 frames."""
        # samples a position: a hop of 160, halved in rate by conv2
        longest = self.config.positions * 320
        mel = self.features(samples_T[None, :longest])
        hidden = F.gelu(self.conv2(F.gelu(self.conv1(mel)))).transpose(1, 2)
        hidden = hidden + self.embed_positions.weight[: hidden.shape[1]]
        found = [hidden]
        for layer in self.layers:
            found.append(layer(found[-1]))
        states = torch.cat(found).transpose(1, 2)
        # a shorter group at the end is the mean of the frames that it has
        return F.avg_pool1d(states, self.config.pooling, ceil_mode=True, count_include_pad=False).transpose(1, 2)
