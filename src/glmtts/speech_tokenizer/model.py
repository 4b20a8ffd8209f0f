"""The speech tokenizer: Whisper encoder, pooling, codebook (report section 2.3)."""

import math
from typing import ClassVar, Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from glmtts.audio.mel import WhisperFeatures
from glmtts.config import Count, CountFromZero, StrictConfig
from glmtts.errors import AudioError
from glmtts.speech_tokenizer.codebook import Codebook, grid
from glmtts.speech_tokenizer.encoder import Convolution, EncoderLayer, attention_mask

PIECE_SECONDS = 30  # the input that Whisper was trained on
SAMPLE_RATE = 16000  # Whisper's
SAMPLES_PER_FRAME = 320  # Whisper's 160, halved in rate by its second convolution


class SpeechTokenizerConfig(StrictConfig):
    """Sizes of the encoder up to the codebook, and of the ASR head after it, which the recogniser keeps.

    `code_width` projects the pooled vectors before the codebook; None quantises them as they are, like the release.
    With `levels` the codes are a fixed grid (FSQ, codebook.py): `codes` is their product, `code_width` their number.
    The ASR head says `labels_per_token`: at 12.5 tokens a second CTC needs two, for English has more phonemes. Frames
    of 20 ms see their block of `block_frames` and those before it; with `causal_attention` they see the past alone, and
    no block is read.
    """

    FORMER_KEYS: ClassVar[tuple[str, ...]] = (
        "ema_decay", "restart_interval", "commitment_scale", "pitch_scale", "pitch", "relative_pitch", "asr_scale",
        "mel_scale", "continuous_steps",
    )  # fmt: skip

    # width, heads, bins and positions of Whisper base
    d_model: Count = 512
    heads: Count = 8
    ffn: Count = 2048
    num_mel_bins: Count = 80
    max_positions: Count = 1500  # 30 s at 50 Hz
    layers_before: CountFromZero = 6
    layers_after: CountFromZero = 1
    pooling: Count = 2
    codes: Count = 2048
    code_width: Count | None = 64
    levels: tuple[Count, ...] | None = None
    labels_per_token: int = Field(default=1, ge=1)
    causal_attention: bool = False
    causal_convolution: bool = False
    block_frames: Count = 1500  # 30 s: within a piece all frames see each other

    @model_validator(mode="after")
    def _grid_has_its_size(self) -> Self:
        if self.levels is not None and (self.codes, self.code_width) != (math.prod(self.levels), len(self.levels)):
            raise ValueError(
                f"levels {list(self.levels)} make {math.prod(self.levels)} codes of width {len(self.levels)}; "
                "set codes and code_width so"
            )
        return self

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Self:
        if self.d_model % self.heads:
            raise ValueError(f"d_model {self.d_model} is no multiple of heads, {self.heads}")
        return self

    @property
    def tokens_per_second(self) -> float:
        """Whisper's 50 frames a second over the pooling: 25 Hz or 12.5 Hz."""
        return SAMPLE_RATE / SAMPLES_PER_FRAME / self.pooling


class SpeechTokenizer(nn.Module):
    """16 kHz speech to tokens; holds only what is needed up to the codebook."""

    def __init__(self, config: SpeechTokenizerConfig) -> None:
        super().__init__()
        self.config = config
        width = config.d_model
        self.conv1 = Convolution(config.num_mel_bins, width, 1, config.causal_convolution)
        self.conv2 = Convolution(width, width, 2, config.causal_convolution)
        self.embed_positions = nn.Embedding(config.max_positions, width)
        self.layers = nn.ModuleList(EncoderLayer(width, config.heads, config.ffn) for _ in range(config.layers_before))
        self.project: nn.Module = nn.Identity()
        if config.code_width is not None:
            self.project = nn.Linear(width, config.code_width)
        self.codebook = Codebook(config.codes, config.code_width or width)
        if config.levels is not None:
            # without the norm Whisper's few large dimensions saturate the tanh: 8 % of 6,561 codes were in use
            self.project = nn.Sequential(nn.LayerNorm(width), self.project, nn.Tanh())
            self.codebook.weight.data.copy_(grid(config.levels))
        self.features = WhisperFeatures(config.num_mel_bins)

    def encode(self, features_BMT: Tensor, mask_BT: Tensor) -> tuple[Tensor, Tensor]:
        """Whisper features (B, M, T) at 100 Hz with their mask (B, T) to tokens (B, S) and their mask (B, S)."""
        # the second convolution has a stride of 2: 100 Hz to 50 Hz, and the mask with it
        # the convolutions see what padding holds, as in the release, whose tokens these have to be
        hidden, valid = self.encode_layers(self.embed(features_BMT), mask_BT[:, ::2], 0)
        pooled = self.pool(hidden)
        tokens = self.codebook.nearest(self.project(pooled).flatten(0, 1)).view(pooled.shape[:2])
        return tokens, valid[:, :: self.config.pooling]

    def embed(self, features_BMT: Tensor, mask_BT: Tensor | None = None) -> Tensor:
        """Convolutions and positions: (B, M, T) to (B, ceil(T / 2), D).

        With `mask_BT` (B, T), true on real features, padding is zero for both convolutions, as if it were not there.
        """
        hidden = features_BMT
        for convolution in (self.conv1, self.conv2):
            seen = hidden if mask_BT is None else hidden * mask_BT[:, None].to(hidden.dtype)
            hidden = F.gelu(convolution(seen))
        hidden = hidden.transpose(1, 2)
        return hidden + self.embed_positions.weight[: hidden.shape[1]]

    def encode_layers(
        self, hidden_BTD: Tensor, valid_BT: Tensor, first: int, last: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run layers `first` to `last` (all by default) on hidden states at 50 Hz; gives them and their mask."""
        mask = attention_mask(valid_BT, self.config.causal_attention, self.config.block_frames)
        for layer in self.layers[first:last]:
            hidden_BTD = layer(hidden_BTD, mask)
        return hidden_BTD, valid_BT

    def pool(self, hidden_BTD: Tensor) -> Tensor:
        """Average of `pooling` neighbours; a last incomplete group repeats nothing and averages with zeros."""
        size = self.config.pooling
        hidden = F.pad(hidden_BTD, (0, 0, 0, -hidden_BTD.shape[1] % size))
        return F.avg_pool1d(hidden.transpose(1, 2), size).transpose(1, 2)

    @property
    def sample_rate(self) -> int:
        """Samples a second that `tokenize` takes."""
        return SAMPLE_RATE

    @torch.inference_mode()
    def tokenize(self, samples_T: Tensor) -> Tensor:
        """Tokens (S,) of 16 kHz samples (T,) of any length, in pieces of 30 s.

        Raises:
            AudioError: the audio is shorter than one token.
        """
        per_token = SAMPLES_PER_FRAME * self.config.pooling
        if len(samples_T) < per_token:
            milliseconds = 1000 / self.config.tokens_per_second
            raise AudioError(
                f"The recording is shorter than one speech token ({milliseconds:g} ms). Give at least a second."
            )
        tokens, samples_T = [], samples_T.to(self.embed_positions.weight.device)
        for piece in samples_T.split(PIECE_SECONDS * SAMPLE_RATE):
            # whole tokens, as the mel of a voice is cut; 30 s are whole ones, so only the end can lose samples
            whole = piece[: len(piece) // per_token * per_token]
            if len(whole):
                features = self.features(whole[None])
                mask = torch.ones(1, features.shape[2], device=samples_T.device)
                tokens.append(self.encode(features, mask)[0][0])
        return torch.cat(tokens)
