"""Llama (Touvron et al., 2023): the text-to-token language model. Weight names are those of the Hub's checkpoints."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glmtts.adapters import Adapter, RowAdapters
from glmtts.graphs import Acceleration
from glmtts.lm.cache import DecodingState, KeyValueCache, RowCache
from glmtts.lm.config import LMConfig
from glmtts.lm.static.draws import DecoderPool, DeviceDraws
from glmtts.text.audio_tokens import AudioTokens


def rotary_table(config: LMConfig) -> tuple[Tensor, Tensor]:
    """Cosines and sines (positions, head_dim) of RoPE (Su et al., 2021), the two halves of a head rotated together."""
    powers = torch.arange(0, config.head_dim, 2, dtype=torch.float32) / config.head_dim
    angles = torch.outer(torch.arange(config.max_positions, dtype=torch.float32), config.rope_theta**-powers)
    # (positions, head_dim / 2) twice: both halves of a head turn by the same angles
    angles = torch.cat([angles, angles], dim=1)
    return angles.cos(), angles.sin()


def rotate(x_BHLK: Tensor, cos_LK: Tensor, sin_LK: Tensor) -> Tensor:
    """x cos + rot(x) sin of x (B, heads, L, K), where rot maps the halves (a, b) to (−b, a); tables (L, K)."""
    a, b = x_BHLK.chunk(2, dim=-1)
    # tables are float32 even where weights are bfloat16, whose 8 bits cannot tell the angles of near positions apart
    return x_BHLK * cos_LK + torch.cat([-b, a], dim=-1) * sin_LK


class Attention(nn.Module):
    """Causal self-attention with grouped keys and values (Ainslie et al., 2023)."""

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
        attention_mask: Tensor | None = None,
    ) -> Tensor:
        """Shape (B, L, D) in and out; `attention_mask` (B, 1, L, keys) is true where to attend, None is causal."""
        q, k, v = self.q_proj(x_BLD), self.k_proj(x_BLD), self.v_proj(x_BLD)
        return self.o_proj(attend(q, k, v, self.config, (cos_LK, sin_LK), layer, cache, attention_mask))


def attend(
    q_BLN: Tensor,
    k_BLN: Tensor,
    v_BLN: Tensor,
    config: LMConfig,
    rotary: tuple[Tensor, Tensor],
    layer: int,
    cache: KeyValueCache | None,
    attention_mask: Tensor | None,
) -> Tensor:
    """What each position reads (B, L, heads · head_dim), from queries, keys and values of the new ones (B, L, N)."""
    batch, length, _ = q_BLN.shape
    # (B, L, heads · K) to (B, heads, L, K)
    q, k, v = (part.view(batch, length, -1, config.head_dim).transpose(1, 2) for part in (q_BLN, k_BLN, v_BLN))
    if length == 1:  # a step of decoding is bound by the number of its operations
        both = rotate(torch.cat([q, k], dim=1), *rotary).to(v.dtype)
        q, k = both.split([config.num_heads, config.num_kv_heads], dim=1)
    else:
        q, k = rotate(q, *rotary).to(v.dtype), rotate(k, *rotary).to(v.dtype)
    if cache is not None:
        k, v = cache.append(layer, k, v)
    grouped = config.num_heads != config.num_kv_heads
    if grouped and length == 1:  # the heads of a group read the same keys: so many queries, and no key is repeated
        q, grouped = q.view(batch, config.num_kv_heads, -1, config.head_dim), False
    # `is_causal` lets query 0 see key 0 alone, and here the first query comes after all keys of the cache
    if attention_mask is None and k.shape[2] != length and length > 1:
        attention_mask = _causal(length, k.shape[2], q.device)
    is_causal = attention_mask is None and length > 1
    mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=attention_mask, is_causal=is_causal, enable_gqa=grouped)
    # groups that became queries are heads again: (B, heads, L, K) to (B, L, heads · K)
    return mixed.reshape(batch, -1, length, config.head_dim).transpose(1, 2).reshape(batch, length, -1)


def placed(
    length: int, cache: KeyValueCache | None, tables: tuple[Tensor, Tensor]
) -> tuple[tuple[Tensor, Tensor], Tensor | None]:
    """Cosines and sines of `length` ids that follow what the cache holds, and the mask where rows begin unlike.

    From the tables (positions, K): (L, K) each, and no mask; or (B, 1, L, K) each, and a mask (B, 1, L, keys).
    """
    start = cache.length if cache is not None else 0
    stop = start + length
    cos, sin = tables
    if cache is None or cache.starts_B is None:
        return (cos[start:stop], sin[start:stop]), None
    columns = torch.arange(cache.first, stop, device=cos.device)
    fresh = columns[start - cache.first :]
    # columns before a row's start are masked; clamped, since a table has no negative places
    positions_BL = (fresh - cache.starts_B[:, None]).clamp(min=0)
    begun_BK = columns >= cache.starts_B[:, None]
    # (B, 1, 1, keys) & (L, keys): (B, 1, L, keys)
    attention_mask = begun_BK[:, None, None] & (columns <= fresh[:, None])
    return (cos[positions_BL][:, None], sin[positions_BL][:, None]), attention_mask


def _causal(queries: int, keys: int, device: torch.device) -> Tensor:
    """Mask of `queries` last positions over `keys` positions."""
    return torch.ones(queries, keys, dtype=torch.bool, device=device).tril(keys - queries)


class FeedForward(nn.Module):
    """SwiGLU (Shazeer, 2020): down(silu(gate x) ⊙ up x)."""

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
        attention_mask: Tensor | None = None,
    ) -> Tensor:
        """Shape (B, L, D) in and out; see `Attention`."""
        x_BLD = x_BLD + self.self_attn(self.input_layernorm(x_BLD), cos_LK, sin_LK, layer, cache, attention_mask)
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
        # in no checkpoint: they follow from the configuration
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self._decoders: DecoderPool | None = None

    def accelerate(self, acceleration: Acceleration) -> None:
        """Decode without the host from now on (lm/static/), on a CUDA device from recordings, or as before."""
        self._decoders = None if acceleration == "none" else DecoderPool(acceleration)

    def device_draws(self, layout: AudioTokens) -> DeviceDraws | None:
        """Tokens drawn on the device, where that is wanted (lm/draws.py); not while the model trains."""
        if self._decoders is None or any(weight.requires_grad for weight in self.parameters()):
            return None
        return self._decoders.draws(self, layout)

    def reset_parameters(self) -> None:
        """Normal weights of deviation 0.02; projections into the residual stream are scaled by depth."""
        for name, weight in self.named_parameters():
            # norms, of one dimension, keep their ones
            if weight.ndim == 2:
                # as GPT-2 (Radford et al., 2019): two projections a layer add to the stream, which so keeps its power
                into_residual = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(weight, std=0.02 / (2 * self.config.num_layers) ** (0.5 * into_residual))

    @torch.no_grad()
    def start_speech_from(self, codebook_CE: Tensor, first: int) -> None:
        """Rows from `first` begin as a random rotation of the codebook (C, E): like codes, like embeddings.

        A code is seen some hundred times in hours of speech; its neighbours then teach it too.
        """
        codes, width = codebook_CE.float(), self.config.hidden_size
        # one deviation for all dimensions: those in which codes differ more go on doing so
        codes = (codes - codes.mean(0)) / codes.std()
        # orthonormal columns keep the distances of codes, where the model is at least as wide as they are
        rotation = torch.linalg.qr(torch.randn(max(width, codes.shape[1]), min(width, codes.shape[1])))[0]
        rotation = rotation if codes.shape[1] > width else rotation.T
        rows = codes @ rotation
        self.model.embed_tokens.weight[first : first + len(rows)] = 0.02 * rows / rows.std()  # 0.02: as all others

    @property
    def max_positions(self) -> int:
        """Ids that prompt and speech may have together."""
        return self.config.max_positions

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.model.embed_tokens.weight.device

    def new_state(self, layout: AudioTokens) -> DecodingState:
        """A decoding run without rows yet (stages.LanguageModel)."""
        weights = self.model.embed_tokens.weight
        return DecodingState(RowCache(self.config, weights), layout, layout.choices(weights))

    @torch.inference_mode()
    def prefill(
        self, state: DecodingState, prompt_ids: Sequence[int], copies: int, adapter: Adapter | None = None
    ) -> Tensor:
        """Read a prompt once and append `copies` rows that continue it; gives their logits (copies, C)."""
        own = KeyValueCache(self.config, 1, len(prompt_ids), self.model.embed_tokens.weight)
        ids = torch.tensor([list(prompt_ids)], device=self.device)
        with RowAdapters([adapter]).applied(self):
            hidden_1D = self.hidden(ids, own)[:, -1]
        state.cache.add(own, copies)
        state.adapters.add(adapter, copies)
        # only what may follow in speech, not the whole vocabulary (AudioTokens.choices)
        return (hidden_1D @ state.choices_CD.T).repeat(copies, 1)

    @torch.inference_mode()
    def step(self, state: DecodingState, codes_B: Sequence[int]) -> Tensor:
        """Append one code (from 0) to every row; gives the logits that follow (B, C)."""
        state.cache.make_room()
        ids = torch.tensor([state.layout.first + code for code in codes_B], device=self.device)[:, None]
        with state.adapters.applied(self):
            return self.hidden(ids, state.cache)[:, -1] @ state.choices_CD.T

    @torch.inference_mode()
    def reorder(self, state: DecodingState, rows: Sequence[int]) -> None:
        """Row i of the state becomes what row `rows[i]` was; rows that are not named leave."""
        state.cache.reorder(rows)
        state.adapters.reorder(rows)

    def hidden(self, ids_BL: Tensor, cache: KeyValueCache | None = None, inputs: list[Tensor] | None = None) -> Tensor:
        """Final hidden states (B, L, D) of ids (B, L), which follow what the cache holds.

        A list `inputs` collects what enters each layer (alignment.py reads attention from it).
        """
        (cos, sin), attention_mask = placed(ids_BL.shape[1], cache, (self.cos, self.sin))
        x = self.model.embed_tokens(ids_BL)
        for number, layer in enumerate(self.model.layers):
            if inputs is not None:
                inputs.append(x)
            x = layer(x, cos, sin, number, cache, attention_mask)
        if cache is not None:
            # after all layers: each of them wrote its keys at the same columns
            cache.length += ids_BL.shape[1]
        return self.model.norm(x)

    def logits(self, hidden: Tensor, first: int = 0) -> Tensor:
        """Logits of the ids from `first` on: (…, D) to (…, vocab_size − first)."""
        return hidden @ self.model.embed_tokens.weight[first:].T

    def forward(self, ids_BL: Tensor, cache: KeyValueCache | None = None) -> Tensor:
        """Logits (B, L, vocab_size)."""
        return self.logits(self.hidden(ids_BL, cache))
