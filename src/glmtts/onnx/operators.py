"""Operators of ONNX Runtime for what a trace would spell out in dozens of small ones.

Elementwise operators cost what memory does: in the velocity of `mini` they took twice the time of the products. Each
module below stands for a part of a network and computes the same.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glmtts.flow.layers import Attention, Rotary, rotate_pairs

DOMAIN = "com.microsoft"
HIDDEN = -1e9  # finite, since a row of −∞ has a softmax of NaN
LARGEST = 20.0  # Mish(x) is x from here on in float32, and exp(2 x) is finite


class TanhGelu(nn.Module):
    """GELU by its tanh form, in one operator."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape."""
        return _TanhGelu.apply(x)


class Mish(nn.Module):
    """x tanh(ln(1 + eˣ)) = x n / (n + 2) with n = eˣ (eˣ + 2): ONNX Runtime's Softplus is no vector code."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape."""
        powers = x.clamp(max=LARGEST).exp()
        ratio = powers * (powers + 2)
        return x * (ratio / (ratio + 2))


class HalfRotary(nn.Module):
    """Cosines and sines (frames, K / 2), one for each pair of channels, as the operator takes them."""

    inv_freq: Tensor

    def __init__(self, rotary: Rotary) -> None:
        super().__init__()
        self.register_buffer("inv_freq", rotary.inv_freq)

    def forward(self, frames: int) -> tuple[Tensor, Tensor]:
        """See the class."""
        angles = torch.outer(torch.arange(frames).float(), self.inv_freq)
        return angles.cos(), angles.sin()


class JoinedAttention(nn.Module):
    """Attention with rotary positions on all heads, in three operators; its mask is a bias, 0 where one may attend."""

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        self.attention = attention

    def forward(self, x_BTD: Tensor, rotary: tuple[Tensor, Tensor], bias_11TT: Tensor) -> Tensor:
        """Shape (B, T, D) in and out."""
        own = self.attention
        q_BTD, k_BTD = (_Rotated.apply(project(x_BTD), *rotary, own.heads) for project in (own.to_q, own.to_k))
        mixed = _Attended.apply(q_BTD, k_BTD, own.to_v(x_BTD), bias_11TT, own.heads)
        return own.to_out[0](mixed)


def as_bias(allowed: Tensor) -> Tensor:
    """What attention adds: 0 where one may attend, and far less elsewhere."""
    return torch.where(allowed, 0.0, HIDDEN)


def _heads(x_BTD: Tensor, heads: int) -> Tensor:
    return x_BTD.unflatten(-1, (heads, -1)).transpose(1, 2)


class _TanhGelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return F.gelu(x, approximate="tanh")

    @staticmethod
    def symbolic(graph: Any, x: Any) -> Any:
        return graph.op(f"{DOMAIN}::FastGelu", x).setType(x.type())


class _Rotated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_BTD: Tensor, cos_TK: Tensor, sin_TK: Tensor, heads: int) -> Tensor:
        both = (part.repeat_interleave(2, dim=-1) for part in (cos_TK, sin_TK))
        return rotate_pairs(_heads(x_BTD, heads), *both).transpose(1, 2).flatten(2)

    @staticmethod
    def symbolic(graph: Any, x: Any, cos: Any, sin: Any, heads: int) -> Any:
        first = graph.op("Constant", value_t=torch.zeros(1, dtype=torch.long))  # the place of the first frame
        given = {"interleaved_i": 1, "num_heads_i": heads}
        return graph.op(f"{DOMAIN}::RotaryEmbedding", x, first, cos, sin, **given).setType(x.type())


class _Attended(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q_BTD: Tensor, k_BTD: Tensor, v_BTD: Tensor, bias_11TT: Tensor, heads: int) -> Tensor:
        q_BHTK, k_BHTK, v_BHTK = (_heads(one, heads) for one in (q_BTD, k_BTD, v_BTD))
        return F.scaled_dot_product_attention(q_BHTK, k_BHTK, v_BHTK, bias_11TT).transpose(1, 2).flatten(2)

    @staticmethod
    def symbolic(graph: Any, q: Any, k: Any, v: Any, bias: Any, heads: int) -> Any:
        none = graph.op("prim::Constant")  # no bias of the projections and no mask of keys
        none.setType(torch._C.OptionalType.ofTensor())
        return graph.op(f"{DOMAIN}::MultiHeadAttention", q, k, v, none, none, bias, num_heads_i=heads).setType(q.type())
