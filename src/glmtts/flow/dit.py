"""The diffusion transformer that gives the velocity of the mel (report Figure 1)."""

from collections.abc import Mapping
from typing import ClassVar, Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from glmtts.audio.mel import MelConfig
from glmtts.config import Count, CountFromZero, StrictConfig
from glmtts.errors import ConfigError
from glmtts.flow.adaptation import adaptation
from glmtts.flow.cfm import sample
from glmtts.flow.layers import (
    AdaptiveNorm,
    Block,
    InputEmbedding,
    Rotary,
    TimeEmbedding,
    TokenEmbedding,
    modulated,
)
from glmtts.flow.prior import MelPrior
from glmtts.flow.velocity import RecordedVelocity
from glmtts.graphs import Acceleration, compile_blocks
from glmtts.stages import Conditions, FlowState, Solver


class FlowConfig(StrictConfig):
    """Sizes of the flow model; the defaults are those of `mini`. Mels enter as (mel − mel_mean) / mel_std.

    `prior_width` adds the mel prior to the tokens (prior.py), for which `pitch_width` reads the F0 contour from them
    (pitch.py); None leaves each out, as in the release, and without a prior there is no pitch to read. `sample_rate`
    and `n_fft` are those of the mel, by which the pitch knows where harmonics lie; nothing else reads them.
    """

    vocabulary: Count = 2048
    token_width: Count = 192
    token_blocks: CountFromZero = 2
    width: Count = 192
    blocks: Count = 6
    heads: Count = 3
    ff_mult: Count = 3
    n_mels: Count = 80
    speaker_width: Count = 192
    prior_width: Count | None = 256
    pitch_width: Count | None = 64
    position_kernel: Count = 15
    position_groups: Count = 16
    rotate_first_head_only: bool = False
    frames_per_token: Count = 2
    sample_rate: Count = 24000
    n_fft: Count = 1920
    mel_mean: float = -5.5
    mel_std: float = Field(default=2.5, gt=0)

    @model_validator(mode="after")
    def _kernel_has_a_middle(self) -> Self:
        if self.position_kernel % 2 == 0:
            raise ValueError("position_kernel must be odd")
        return self

    @model_validator(mode="after")
    def _heads_and_groups_divide_the_width(self) -> Self:
        # rotary positions turn pairs of a head's channels
        if self.width % (2 * self.heads):
            raise ValueError(f"width {self.width} is no even multiple of heads, {self.heads}")
        if self.width % self.position_groups:
            raise ValueError(f"width {self.width} is no multiple of position_groups, {self.position_groups}")
        return self

    @model_validator(mode="after")
    def _pitch_has_a_prior(self) -> Self:
        if self.prior_width is None and self.pitch_width is not None:
            raise ValueError(
                f"pitch_width is {self.pitch_width}, but without prior_width there is no prior that reads pitch; "
                "set pitch_width to null too"
            )
        return self


class DiT(nn.Module):
    """Velocity of every frame, given time, tokens, prompt mel and speaker."""

    RENAMED: ClassVar[Mapping[str, str]] = {
        r"^prior\.head\.slow\.": "prior.head.token_blocks.",
        r"^prior\.head\.fast\.": "prior.head.frame_blocks.",
        r"^(prior\.head\.\w+\.\d+)\.rise\.": r"\1.up.",
        r"^(prior\.head\.\w+\.\d+)\.fall\.": r"\1.down.",
        r"^prior\.pitch\.enter\.": "prior.pitch.in_proj.",
    }  # parameters of bundles that were written before these had their present names

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.config = config
        width, condition = config.width, config.width + config.speaker_width
        self.time_embed = TimeEmbedding(width)
        self.text_emb_layer = TokenEmbedding(config.vocabulary, config.token_width, config.token_blocks)
        self.prior = None
        token_width = config.token_width
        if config.prior_width is not None:
            token_width += config.n_mels
            mel = MelConfig(sample_rate=config.sample_rate, n_fft=config.n_fft, n_mels=config.n_mels)
            self.prior = MelPrior(
                config.vocabulary,
                config.prior_width,
                config.frames_per_token,
                config.speaker_width,
                config.pitch_width,
                mel,
            )
        self.emb_concator = InputEmbedding(
            config.n_mels, token_width, width, config.position_kernel, config.position_groups
        )
        self.rotary_embed = Rotary(width // config.heads)
        self.transformer_blocks = nn.ModuleList(
            Block(width, condition, config.heads, config.ff_mult, config.rotate_first_head_only)
            for _ in range(config.blocks)
        )
        self.norm_out = AdaptiveNorm(condition, width, 2)
        self.proj_out = nn.Linear(width, config.n_mels)
        self.recorded: RecordedVelocity | None = None
        self.compiled = False

    def accelerate(self, acceleration: Acceleration) -> None:
        """Integrate at padded lengths from now on (velocity.py), on a CUDA device from recordings, or as before."""
        self.recorded = None if acceleration == "none" else RecordedVelocity(self.proj_out.weight.device)
        self.compiled = self.compiled or acceleration == "compile"
        if acceleration == "compile":
            compile_blocks(self.transformer_blocks)

    def embed_tokens(
        self,
        tokens_BS: Tensor,
        frames: int,
        speaker_BD: Tensor,
        mask_BT: Tensor | None = None,
        f0_B: Tensor | None = None,
        adaptation_BLK: Tensor | None = None,
    ) -> Tensor:
        """Tokens (B, S) to (B, frames, E), stretched to the frame rate by nearest neighbour.

        With a prior, E holds its normalised mel too, for the unit vector `speaker_BD`, the median F0 `f0_B` in Hz and
        the voice's adaptation (adaptation.py), even where the speaker is dropped for guidance.
        """
        # `interpolate` takes no integers; float32 holds every id exactly up to 2^24
        stretched = F.interpolate(tokens_BS[:, None].float(), size=frames, mode="nearest")[:, 0].long()
        embedded = self.text_emb_layer(stretched, None if mask_BT is None else mask_BT[..., None])
        if self.prior is None:
            return embedded
        mask_BS = None if mask_BT is None else mask_BT[:, :: self.config.frames_per_token]
        mel_BTM = self.prior(tokens_BS, speaker_BD, mask_BS, f0_B, adaptation_BLK)
        mel_BTM = (mel_BTM - self.config.mel_mean) / self.config.mel_std
        mel_BTM = F.pad(mel_BTM, (0, 0, 0, frames - mel_BTM.shape[1]))
        return torch.cat([embedded, mel_BTM.to(embedded.dtype)], dim=-1)

    def prior_mel(self, tokens_BTE: Tensor) -> Tensor:
        """The prior's normalised mel (B, T, M) within embedded tokens.

        Raises:
            ConfigError: the model has no prior.
        """
        if self.prior is None:
            raise ConfigError("This flow model has no prior to start from. Set t_start to 0.")
        return tokens_BTE[..., self.config.token_width :]

    def sample(
        self,
        conditions: Conditions,
        noise_BTM: Tensor,
        solver: Solver,
        attention_mask: Tensor | None = None,
        finished: tuple[FlowState, int] | None = None,
    ) -> tuple[Tensor, FlowState]:
        """Noise to log-mel (stages.Flow); the loop is in cfm.py."""
        return sample(self, conditions, noise_BTM, solver, attention_mask, finished)

    @property
    def adaptation_shape(self) -> tuple[int, int] | None:
        """The shape (L, K) of a voice's adaptation; None without a prior."""
        return None if self.prior is None else self.prior.head.adaptation_shape

    def adapt(self, tokens_S: Tensor, embedding_D: Tensor, mel_MT: Tensor, f0: Tensor, steps: int) -> Tensor:
        """What a new voice adds to the mel prior (stages.Flow); the method is in adaptation.py."""
        return adaptation(self, tokens_S, embedding_D, mel_MT, f0, steps)

    def forward(
        self,
        noisy_BTM: Tensor,
        t_B: Tensor,
        tokens_BTE: Tensor,
        prompt_BTM: Tensor,
        speaker_BD: Tensor,
        mask_BT: Tensor | None = None,
        attention_mask: Tensor | None = None,
    ) -> Tensor:
        """Velocity (B, T, M).

        `tokens_BTE` are embedded tokens; `prompt_BTM` is zero after the prompt; `speaker_BD` has length 1 or is
        zero; `mask_BT` is true on real frames; `attention_mask` (T, T) is true where a frame may attend
        (block-causal).
        """
        condition_BC = torch.cat([self.time_embed(t_B), speaker_BD], dim=-1)
        x = self.emb_concator(noisy_BTM, prompt_BTM, tokens_BTE, None if mask_BT is None else mask_BT[..., None])
        mask = None if mask_BT is None else mask_BT[:, None, None, :].bool()
        if attention_mask is not None:
            mask = attention_mask if mask is None else mask & attention_mask
        rotary = self.rotary_embed(x.shape[1])
        for block in self.transformer_blocks:
            x = block(x, condition_BC, rotary, mask)
        # the scale comes first here and the shift in the blocks: the order of the released weights
        scale, shift = self.norm_out(condition_BC)
        return self.proj_out(modulated(x, shift, scale))
