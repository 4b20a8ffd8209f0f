"""The Whisper encoder (Radford et al., 2022), with masks, causal variants and any length of input."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Convolution(nn.Conv1d):
    """A kernel-3 convolution over time: centred, or causal (all padding on the left)."""

    def __init__(self, inputs: int, outputs: int, stride: int, causal: bool) -> None:
        super().__init__(inputs, outputs, kernel_size=3, stride=stride, padding=0 if causal else 1)
        self.causal = causal

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, T) to (B, C', ceil(T / stride))."""
        return super().forward(F.pad(input, (2, 0)) if self.causal else input)


class SelfAttention(nn.Module):
    """Multi-head attention; keys have no bias, as in Whisper."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.k_proj = nn.Linear(width, width, bias=False)
        self.v_proj = nn.Linear(width, width)
        self.q_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, hidden_BTD: Tensor, mask_B1TT: Tensor | None) -> Tensor:
        """Attend where the mask is true. Shape (B, T, D) in and out."""
        batch, frames, width = hidden_BTD.shape
        q, k, v = (
            project(hidden_BTD).view(batch, frames, self.heads, -1).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask_B1TT)
        return self.out_proj(mixed.transpose(1, 2).reshape(batch, frames, width))


class EncoderLayer(nn.Module):
    """Pre-norm attention and feed-forward, both residual."""

    def __init__(self, width: int, heads: int, ffn: int) -> None:
        super().__init__()
        self.self_attn = SelfAttention(width, heads)
        self.self_attn_layer_norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, ffn)
        self.fc2 = nn.Linear(ffn, width)
        self.final_layer_norm = nn.LayerNorm(width)

    def forward(self, hidden_BTD: Tensor, mask_B1TT: Tensor | None = None) -> Tensor:
        """Shape (B, T, D) in and out."""
        hidden = hidden_BTD + self.self_attn(self.self_attn_layer_norm(hidden_BTD), mask_B1TT)
        return hidden + self.fc2(F.gelu(self.fc1(self.final_layer_norm(hidden))))


def attention_mask(valid_BT: Tensor, causal: bool, block: int) -> Tensor:
    """Who may attend to whom, shape (B, 1, T, T).

    Padded frames are hidden from all. With `causal`, a frame sees only itself and the past; else it sees its own
    block of `block` frames whole and all earlier blocks.
    """
    frames = torch.arange(valid_BT.shape[1], device=valid_BT.device)
    group = frames if causal else frames // block
    own_block_TT = group[None, :] <= group[:, None]
    allowed = own_block_TT[None, None] & valid_BT[:, None, None, :].bool()
    # every frame sees itself, padding too: a row in which nothing is allowed has a softmax of NaN
    return allowed | (frames[:, None] == frames[None, :])
