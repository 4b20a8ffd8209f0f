"""Parts of the diffusion transformer: embeddings of time, tokens and position, attention, adaptive norms.

They are those of F5-TTS (Chen et al., 2025) as the release has them; sizes and small numbers that nothing else is said
of are the release's, whose weights must give the same.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TIME_CHANNELS, TIME_SCALE = 256, 1000.0  # the release's


class TimeEmbedding(nn.Module):
    """Sinusoids of 1000 t (Ho et al., 2020), then an MLP."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.time_mlp = nn.Sequential(nn.Linear(TIME_CHANNELS, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, t_B: Tensor) -> Tensor:
        """Flow times (B,) in 0 … 1 to (B, D)."""
        half = TIME_CHANNELS // 2
        # half − 1: the last frequency is exactly 1 / 10,000 of the first
        powers = torch.arange(half, device=t_B.device) * (-math.log(10000.0) / (half - 1))
        angles = TIME_SCALE * t_B[:, None] * powers.exp()
        return self.time_mlp(torch.cat([angles.sin(), angles.cos()], dim=-1))


class GlobalResponseNorm(nn.Module):
    """x + β + γ · x · ‖x‖_time / mean over channels (ConvNeXt V2)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        # zeros: a new block passes x on as it is (ConvNeXt V2)
        self.gamma = nn.Parameter(torch.zeros(1, 1, width))
        self.beta = nn.Parameter(torch.zeros(1, 1, width))

    def forward(self, x_BTD: Tensor, mask_BT1: Tensor | None) -> Tensor:
        """Shape (B, T, D) in and out; padded frames do not count in the norm."""
        counted = x_BTD if mask_BT1 is None else x_BTD * mask_BT1
        energy = counted.norm(p=2, dim=1, keepdim=True)
        return self.gamma * (x_BTD * (energy / (energy.mean(dim=-1, keepdim=True) + 1e-6))) + self.beta + x_BTD


class TokenBlock(nn.Module):
    """ConvNeXt V2 (Woo et al., 2023) over time."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv1d(width, width, kernel_size=7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.pwconv1 = nn.Linear(width, 2 * width)
        self.grn = GlobalResponseNorm(2 * width)
        self.pwconv2 = nn.Linear(2 * width, width)

    def forward(self, x_BTD: Tensor, mask_BT1: Tensor | None) -> Tensor:
        """Shape (B, T, D) in and out."""
        hidden = x_BTD if mask_BT1 is None else x_BTD * mask_BT1
        hidden = self.norm(self.dwconv(hidden.transpose(1, 2)).transpose(1, 2))
        return x_BTD + self.pwconv2(self.grn(F.gelu(self.pwconv1(hidden)), mask_BT1))


class TokenEmbedding(nn.Module):
    """Token table (its last entry is the filler), a table of cosines and sines, then ConvNeXt V2 blocks."""

    table: Tensor

    def __init__(self, vocabulary: int, width: int, blocks: int, positions: int = 4096) -> None:
        super().__init__()
        self.text_embed = nn.Embedding(vocabulary + 1, width)
        self.text_blocks = nn.ModuleList(TokenBlock(width) for _ in range(blocks))
        powers = 10000.0 ** (-torch.arange(0, width, 2)[: width // 2].float() / width)
        angles = torch.outer(torch.arange(positions).float(), powers)
        self.register_buffer("table", torch.cat([angles.cos(), angles.sin()], dim=-1), persistent=False)

    def forward(self, tokens_BT: Tensor, mask_BT1: Tensor | None) -> Tensor:
        """Tokens (B, T), stretched to the frame rate, to (B, T, D)."""
        # frames beyond the table, 82 s at 50 Hz, share its last entry
        places = torch.arange(tokens_BT.shape[1], device=tokens_BT.device).clamp(max=len(self.table) - 1)
        x = self.text_embed(tokens_BT) + self.table[places]
        for block in self.text_blocks:
            x = block(x, mask_BT1)
        return x


class PositionConvolution(nn.Module):
    """Two grouped convolutions with Mish: the position information of the frames."""

    def __init__(self, width: int, kernel: int, groups: int) -> None:
        super().__init__()
        # inputs, outputs, kernel, stride, padding, dilation, groups
        convolution = (width, width, kernel, 1, kernel // 2, 1, groups)
        self.conv1d = nn.Sequential(nn.Conv1d(*convolution), nn.Mish(), nn.Conv1d(*convolution), nn.Mish())

    def forward(self, x_BTD: Tensor, mask_BT1: Tensor | None) -> Tensor:
        """Shape (B, T, D) in and out."""
        mask_B1T = None if mask_BT1 is None else mask_BT1.transpose(1, 2)
        hidden = x_BTD.transpose(1, 2)
        for layer in self.conv1d:
            # each convolution, not the first alone, has to see padding as zeros: else a short row of a batch would hear
            # its padding in its last frames, and differ from the same row alone
            hidden = layer(hidden if mask_B1T is None else hidden * mask_B1T)
        return hidden.transpose(1, 2)


class InputEmbedding(nn.Module):
    """Noisy mel ‖ prompt mel ‖ tokens → linear, plus convolutional positions."""

    def __init__(self, n_mels: int, token_width: int, width: int, kernel: int, groups: int) -> None:
        super().__init__()
        self.proj = nn.Linear(2 * n_mels + token_width, width)
        self.conv_pos_embed = PositionConvolution(width, kernel, groups)

    def forward(self, noisy_BTM: Tensor, prompt_BTM: Tensor, tokens_BTD: Tensor, mask_BT1: Tensor | None) -> Tensor:
        """Shape (B, T, ·) to (B, T, D)."""
        x = self.proj(torch.cat([noisy_BTM, prompt_BTM, tokens_BTD], dim=-1))
        return x + self.conv_pos_embed(x, mask_BT1)


class Rotary(nn.Module):
    """Rotary positions (RoPE, Su et al., 2021), neighbouring channels paired."""

    inv_freq: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("inv_freq", 10000.0 ** (-torch.arange(0, channels, 2).float() / channels))

    def forward(self, frames: int) -> tuple[Tensor, Tensor]:
        """Cosines and sines (frames, channels)."""
        places = torch.arange(frames, device=self.inv_freq.device).float()
        angles = torch.outer(places, self.inv_freq).repeat_interleave(2, dim=-1)
        return angles.cos(), angles.sin()


def rotate_pairs(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x cos + rot(x) sin over the last axis of x (…, T, K), where rot maps each pair (a, b) to (−b, a).

    `cos` and `sin` are (T, K).
    """
    a, b = x[..., 0::2], x[..., 1::2]  # not `unbind` over dimension −1, which the tracer of an export takes for 1
    return x * cos + torch.stack([-b, a], dim=x.ndim).view(x.shape) * sin


class Attention(nn.Module):
    """Full or masked attention with rotary positions on all heads, or on the first only as the release has it."""

    def __init__(self, width: int, heads: int, rotate_first_head_only: bool) -> None:
        super().__init__()
        self.heads, self.first_only = heads, rotate_first_head_only
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(width, width)])  # a list of one: the release's names

    def forward(self, x_BTD: Tensor, rotary: tuple[Tensor, Tensor], mask: Tensor | None) -> Tensor:
        """Shape (B, T, D) in and out; `mask` is true where attention is allowed, (B or 1, 1, T, T or 1)."""
        batch, frames, width = x_BTD.shape
        q, k, v = (
            project(x_BTD).view(batch, frames, self.heads, width // self.heads).transpose(1, 2)
            for project in (self.to_q, self.to_k, self.to_v)
        )
        q, k = self._rotate(q, *rotary), self._rotate(k, *rotary)
        # cosines and sines are float32 and widen q and k under autocast; attention wants one type
        mixed = F.scaled_dot_product_attention(q.to(v.dtype), k.to(v.dtype), v, attn_mask=mask)
        return self.to_out[0](mixed.transpose(1, 2).reshape(batch, frames, width))

    def _rotate(self, x_BHTK: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        if not self.first_only:
            return rotate_pairs(x_BHTK, cos, sin)
        first = rotate_pairs(x_BHTK[:, :1], cos, sin)
        return torch.cat([first.to(x_BHTK.dtype), x_BHTK[:, 1:]], dim=1)


class FeedForward(nn.Module):
    """Linear, tanh GELU, linear."""

    def __init__(self, width: int, multiple: int) -> None:
        super().__init__()
        inner = nn.Sequential(nn.Linear(width, width * multiple), nn.GELU(approximate="tanh"))
        # the identity keeps the numbers of the released names, ff.0.0 and ff.2
        self.ff = nn.Sequential(inner, nn.Identity(), nn.Linear(width * multiple, width))

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Shape (B, T, D) in and out."""
        return self.ff(x_BTD)


class AdaptiveNorm(nn.Module):
    """Layer norm whose shifts, scales and gates come from the condition (AdaLN-zero)."""

    def __init__(self, condition: int, width: int, parts: int) -> None:
        super().__init__()
        self.parts = parts
        self.linear = nn.Linear(condition, parts * width)
        # gates of zero: every block begins as the identity (DiT, Peebles and Xie, 2023)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, condition_BC: Tensor) -> tuple[Tensor, ...]:
        """`parts` modulations, each (B, 1, D)."""
        return self.linear(F.silu(condition_BC))[:, None].chunk(self.parts, dim=-1)


def modulated(x_BTD: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """norm(x) (1 + scale) + shift of x (B, T, D), with shift and scale (B, 1, D)."""
    return F.layer_norm(x_BTD, (int(x_BTD.shape[-1]),), eps=1e-6) * (1 + scale) + shift


class Block(nn.Module):
    """A transformer block: gated attention and feed-forward, both modulated by the condition."""

    def __init__(self, width: int, condition: int, heads: int, ff_mult: int, first_head_only: bool) -> None:
        super().__init__()
        self.attn_norm = AdaptiveNorm(condition, width, 6)
        self.attn = Attention(width, heads, first_head_only)
        self.ff = FeedForward(width, ff_mult)

    def forward(
        self, x_BTD: Tensor, condition_BC: Tensor, rotary: tuple[Tensor, Tensor], mask: Tensor | None
    ) -> Tensor:
        """Shape (B, T, D) in and out."""
        shift_a, scale_a, gate_a, shift_f, scale_f, gate_f = self.attn_norm(condition_BC)
        x_BTD = x_BTD + gate_a * self.attn(modulated(x_BTD, shift_a, scale_a), rotary, mask)
        return x_BTD + gate_f * self.ff(modulated(x_BTD, shift_f, scale_f))
