"""Llama (Touvron et al., 2023): the text-to-token language model. Weight names are those of the Hub's checkpoints."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glmtts.config import StrictConfig


class LMConfig(StrictConfig):
    """Sizes of the language model; the released one is 2048 wide with 28 layers."""

    vocab_size: int
    hidden_size: int = 256
    num_layers: int = 6
    num_heads: int = 4
    num_kv_heads: int = 4
    head_dim: int = 64
    intermediate_size: int = 704
    rope_theta: float = 10000.0
    rms_norm_eps: float = 1e-5
    max_positions: int = 2048


class KeyValueCache:
    """Static buffers of keys and values for one decoding run; `length` columns are filled.

    Where the rows begin at different columns (rows.py), `starts_B` says at which, `first` is the least of them, and a
    row's positions count from its start.
    """

    starts_B: Tensor | None = None
    first: int = 0

    def __init__(self, config: LMConfig, batch: int, positions: int, like: Tensor) -> None:
        shape = (config.num_layers, 2, batch, config.num_kv_heads, positions, config.head_dim)
        self.buffer = torch.zeros(shape, device=like.device, dtype=like.dtype)
        self.length = 0

    def append(self, layer: int, k_BHLK: Tensor, v_BHLK: Tensor) -> tuple[Tensor, Tensor]:
        """Write keys and values at the end; gives all from `first` on. The model advances `length` after all layers."""
        end = self.length + k_BHLK.shape[2]
        keys, values = self.buffer[layer, :, : len(k_BHLK)]
        keys[:, :, self.length : end] = k_BHLK
        values[:, :, self.length : end] = v_BHLK
        return keys[:, :, self.first : end], values[:, :, self.first : end]


def rotary_table(config: LMConfig) -> tuple[Tensor, Tensor]:
    """Cosines and sines (positions, head_dim) of RoPE, the two halves of a head rotated together."""
    powers = torch.arange(0, config.head_dim, 2, dtype=torch.float32) / config.head_dim
    angles = torch.outer(torch.arange(config.max_positions, dtype=torch.float32), config.rope_theta**-powers)
    angles = torch.cat([angles, angles], dim=1)
    return angles.cos(), angles.sin()


def rotate(x_BHLK: Tensor, cos_LK: Tensor, sin_LK: Tensor) -> Tensor:
    """x cos + rot(x) sin, where rot maps the halves (a, b) to (−b, a)."""
    a, b = x_BHLK.chunk(2, dim=-1)
    return x_BHLK * cos_LK + torch.cat([-b, a], dim=-1) * sin_LK


class Attention(nn.Module):
    """Causal self-attention with grouped keys and values."""

    def __init__(self, config: LMConfig) -> None:
        super().__init__()
        self.config = config
        width, size = config.hidden_size, config.head_dim
        self.q_proj = nn.Linear(width, config.num_heads * size, bias=False)
        self.k_proj = nn.Linear(width, config.num_kv_heads * size, bias=False)
        self.v_proj = nn.Linear(width, config.num_kv_heads * size, bias=False)
        self.o_proj = nn.Linear(config.num_heads * size, width, bias=False)

    def forward(
        self,
        x_BLD: Tensor,
        cos_LK: Tensor,
        sin_LK: Tensor,
        layer: int,
        cache: KeyValueCache | None,
        visible: Tensor | None = None,
    ) -> Tensor:
        """Shape (B, L, D) in and out; `visible` (B, 1, L, keys) is true where a query may look, None is causal."""
        batch, length, _ = x_BLD.shape
        q, k, v = (
            project(x_BLD).view(batch, length, -1, self.config.head_dim).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        q, k = rotate(q, cos_LK, sin_LK).to(v.dtype), rotate(k, cos_LK, sin_LK).to(v.dtype)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        grouped = self.config.num_heads != self.config.num_kv_heads
        if visible is None and k.shape[2] != length and length > 1:
            visible = _causal(length, k.shape[2], q.device)
        mixed = F.scaled_dot_product_attention(
            q, k, v, attn_mask=visible, is_causal=visible is None and length > 1, enable_gqa=grouped
        )
        return self.o_proj(mixed.transpose(1, 2).reshape(batch, length, -1))


def _causal(queries: int, keys: int, device: torch.device) -> Tensor:
    """Mask of `queries` last positions over `keys` positions."""
    return torch.ones(queries, keys, dtype=torch.bool, device=device).tril(keys - queries)


class FeedForward(nn.Module):
    """SwiGLU: down(silu(gate x) ⊙ up x)."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def forward(self, x_BLD: Tensor) -> Tensor:
        """Shape (B, L, D) in and out."""
        return self.down_proj(F.silu(self.gate_proj(x_BLD)) * self.up_proj(x_BLD))


class Layer(nn.Module):
    """Pre-norm attention and feed-forward, both residual."""

    def __init__(self, config: LMConfig) -> None:
        super().__init__()
        self.self_attn = Attention(config)
        self.mlp = FeedForward(config.hidden_size, config.intermediate_size)
        self.input_layernorm = nn.RMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.post_attention_layernorm = nn.RMSNorm(config.hidden_size, eps=config.rms_norm_eps)

    def forward(
        self,
        x_BLD: Tensor,
        cos_LK: Tensor,
        sin_LK: Tensor,
        layer: int,
        cache: KeyValueCache | None,
        visible: Tensor | None = None,
    ) -> Tensor:
        """Shape (B, L, D) in and out; see `Attention`."""
        x_BLD = x_BLD + self.self_attn(self.input_layernorm(x_BLD), cos_LK, sin_LK, layer, cache, visible)
        return x_BLD + self.mlp(self.post_attention_layernorm(x_BLD))


class Backbone(nn.Module):
    """Embedding, layers, final norm."""

    def __init__(self, config: LMConfig) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_layers))
        self.norm = nn.RMSNorm(config.hidden_size, eps=config.rms_norm_eps)


class Llama(nn.Module):
    """The language model; its output projection is the embedding itself (tied)."""

    cos: Tensor
    sin: Tensor

    def __init__(self, config: LMConfig) -> None:
        super().__init__()
        self.config = config
        self.model = Backbone(config)
        cos, sin = rotary_table(config)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def reset_parameters(self) -> None:
        """Normal weights of deviation 0.02; projections into the residual stream are scaled by depth."""
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                into_residual = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(weight, std=0.02 / (2 * self.config.num_layers) ** (0.5 * into_residual))

    @torch.no_grad()
    def start_speech_from(self, codebook_CE: Tensor, first: int) -> None:
        """Rows from `first` begin as a random rotation of the codebook (C, E): like codes, like embeddings.

        A code is seen some hundred times in hours of speech; its neighbours then teach it too.
        """
        codes, width = codebook_CE.float(), self.config.hidden_size
        codes = (codes - codes.mean(0)) / codes.std()
        rotation = torch.linalg.qr(torch.randn(max(width, codes.shape[1]), min(width, codes.shape[1])))[0]
        rotation = rotation if codes.shape[1] > width else rotation.T
        rows = codes @ rotation
        self.model.embed_tokens.weight[first : first + len(rows)] = 0.02 * rows / rows.std()

    def hidden(self, ids_BL: Tensor, cache: KeyValueCache | None = None, inputs: list[Tensor] | None = None) -> Tensor:
        """Final hidden states (B, L, D) of ids (B, L), which follow what the cache holds.

        A list `inputs` collects what enters each layer (alignment.py reads attention from it).
        """
        start = cache.length if cache is not None else 0
        stop = start + ids_BL.shape[1]
        cos, sin, visible = self.cos[start:stop], self.sin[start:stop], None
        if cache is not None and cache.starts_B is not None:
            columns = torch.arange(cache.first, stop, device=ids_BL.device)
            fresh = columns[start - cache.first :]
            positions_BL = (fresh - cache.starts_B[:, None]).clamp(min=0)
            cos, sin = self.cos[positions_BL][:, None], self.sin[positions_BL][:, None]
            begun_BK = columns >= cache.starts_B[:, None]
            visible = begun_BK[:, None, None] & (columns <= fresh[:, None])
        x = self.model.embed_tokens(ids_BL)
        for number, layer in enumerate(self.model.layers):
            if inputs is not None:
                inputs.append(x)
            x = layer(x, cos, sin, number, cache, visible)
        if cache is not None:
            cache.length = stop
        return self.model.norm(x)

    def logits(self, hidden: Tensor, first: int = 0) -> Tensor:
        """Logits of the ids from `first` on: (…, D) to (…, vocab_size − first)."""
        return hidden @ self.model.embed_tokens.weight[first:].T

    def forward(self, ids_BL: Tensor, cache: KeyValueCache | None = None) -> Tensor:
        """Logits (B, L, vocab_size)."""
        return self.logits(self.hidden(ids_BL, cache))
