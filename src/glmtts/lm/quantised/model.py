"""The Llama of lm/model.py with packed weights; attention, cache and decoding are the same."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

import torch
import torch.nn.functional as F
from pydantic import Field
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from glmtts.errors import BundleError
from glmtts.lm.cache import DecodingState, KeyValueCache, RowCache
from glmtts.lm.config import LMConfig
from glmtts.lm.model import Llama, attend, placed, rotary_table
from glmtts.lm.quantised.matrix import Matrix
from glmtts.lm.quantised.packing import BLOCK, quantised
from glmtts.text.audio_tokens import AudioTokens

CPU = torch.device("cpu")
HEAD_BITS = 8


class QuantisedLMConfig(LMConfig):
    """Sizes of the Llama, bits a weight, and how many speech tokens its head chooses from, the end included."""

    bits: Literal[4, 8]
    choices: int = Field(ge=2)


class QuantisedLlama:
    """Decodes like `Llama`, on a CPU, from weights that are not those of training: it cannot be trained.

    The embedding has eight bits, with a scale a row, and so has the head, which is the speech part of it: in `mini` a
    head of four bits changed 2 % more of the tokens. Norms stay as they are.
    """

    def __init__(self, config: QuantisedLMConfig, weights: Mapping[str, Tensor]) -> None:
        self.config = config
        self._codes_VD, self._scales_V = weights["embedding.codes"], weights["embedding.scales"]
        self._norms = {name: value for name, value in weights.items() if name.startswith("norm.")}
        self._rotary = rotary_table(config)
        self._matrices = {
            name: Matrix(weights[f"{name}.packed"], weights[f"{name}.scales"], bits_of(name, config))
            for name in matrices(config)
        }

    @classmethod
    def open(cls, path: Path, config: QuantisedLMConfig) -> Self:
        """Read packed weights.

        Raises:
            BundleError: the file does not fit its configuration, or ONNX Runtime is not installed.
        """
        try:
            weights = load_file(path)
        except SafetensorError as error:
            raise BundleError(f"{path} is no safetensors file: {error}. Install the model again.") from None
        wanted = shapes(config)
        wrong = sorted(wanted.keys() ^ weights.keys()) + [
            name for name in wanted.keys() & weights.keys() if list(weights[name].shape) != wanted[name]
        ]
        if wrong:
            raise BundleError(f"{path.name} does not fit its configuration; missing, extra or misshapen: {wrong[:8]}.")
        for name, value in weights.items():
            if value.is_floating_point() and not torch.isfinite(value).all():
                raise BundleError(f"{path.name} holds values in {name} that are not numbers. Install the model again.")
        return cls(config, weights)

    @property
    def max_positions(self) -> int:
        """Ids that prompt and speech may have together."""
        return self.config.max_positions

    @property
    def device(self) -> torch.device:
        """Where logits come: the CPU."""
        return CPU

    def new_state(self, layout: AudioTokens) -> DecodingState:
        """A decoding run without rows yet (stages.LanguageModel).

        Raises:
            BundleError: the head was packed for another vocabulary.
        """
        if layout.count + 1 != self.config.choices:
            raise BundleError(
                f"The packed language model has a head of {self.config.choices} choices, and the vocabulary "
                f"{layout.count + 1}. Pack the bundle again."
            )
        empty = torch.zeros(0, self.config.hidden_size)
        return DecodingState(RowCache(self.config, empty), layout, empty)

    @torch.inference_mode()
    def prefill(self, state: DecodingState, prompt_ids: Sequence[int], copies: int) -> Tensor:
        """Read a prompt once and append `copies` rows that continue it; gives their logits (copies, C)."""
        own = KeyValueCache(self.config, 1, len(prompt_ids), torch.zeros(0))
        hidden_1D = self.hidden(torch.tensor([list(prompt_ids)]), own)[:, -1]
        state.cache.add(own, copies)
        return self._matrices["head"](hidden_1D).repeat(copies, 1)

    @torch.inference_mode()
    def step(self, state: DecodingState, codes_B: Sequence[int]) -> Tensor:
        """Append one code (from 0) to every row; gives the logits that follow (B, C)."""
        state.cache.make_room()
        ids_B1 = torch.tensor([state.layout.first + code for code in codes_B])[:, None]
        return self._matrices["head"](self.hidden(ids_B1, state.cache)[:, -1])

    def reorder(self, state: DecodingState, rows: Sequence[int]) -> None:
        """Row i of the state becomes what row `rows[i]` was; rows that are not named leave."""
        state.cache.reorder(rows)

    def hidden(self, ids_BL: Tensor, cache: KeyValueCache) -> Tensor:
        """Final hidden states (B, L, D) of ids (B, L), which follow what the cache holds."""
        config = self.config
        rotary, attention_mask = placed(ids_BL.shape[1], cache, self._rotary)
        x = self._codes_VD[ids_BL] * self._scales_V[ids_BL][..., None]
        kv = config.num_kv_heads * config.head_dim
        for layer in range(config.num_layers):
            q, k, v = self._product(f"{layer}.qkv", self._normed(x, f"{layer}.attention")).split(
                [config.num_heads * config.head_dim, kv, kv], dim=-1
            )
            x = x + self._product(f"{layer}.o", attend(q, k, v, config, rotary, layer, cache, attention_mask))
            gate, up = self._product(f"{layer}.gate_up", self._normed(x, f"{layer}.feed_forward")).chunk(2, dim=-1)
            x = x + self._product(f"{layer}.down", F.silu(gate) * up)
        cache.length += ids_BL.shape[1]
        return self._normed(x, "final")

    def _product(self, name: str, x: Tensor) -> Tensor:
        return self._matrices[name](x)

    def _normed(self, x: Tensor, name: str) -> Tensor:
        return F.rms_norm(x, (self.config.hidden_size,), self._norms[f"norm.{name}"], self.config.rms_norm_eps)


def matrices(config: QuantisedLMConfig) -> dict[str, tuple[int, int]]:
    """Names and sizes (outputs, inputs) of the packed matrices."""
    width, heads = config.hidden_size, config.num_heads * config.head_dim
    sizes = {"head": (config.choices, width)}
    for layer in range(config.num_layers):
        sizes[f"{layer}.qkv"] = (heads + 2 * config.num_kv_heads * config.head_dim, width)
        sizes[f"{layer}.o"] = (width, heads)
        sizes[f"{layer}.gate_up"] = (2 * config.intermediate_size, width)
        sizes[f"{layer}.down"] = (width, config.intermediate_size)
    return sizes


def bits_of(name: str, config: QuantisedLMConfig) -> int:
    """Bits a weight of the matrix `name`."""
    return HEAD_BITS if name == "head" else config.bits


def shapes(config: QuantisedLMConfig) -> dict[str, list[int]]:
    """The tensors of the file, by name."""
    found = {"embedding.codes": [config.vocab_size, config.hidden_size], "embedding.scales": [config.vocab_size]}
    norms = [f"{layer}.{name}" for layer in range(config.num_layers) for name in ("attention", "feed_forward")]
    found |= {f"norm.{name}": [config.hidden_size] for name in (*norms, "final")}
    for name, (outputs, inputs) in matrices(config).items():
        found[f"{name}.packed"] = [outputs, inputs // BLOCK, BLOCK * bits_of(name, config) // 8]
        found[f"{name}.scales"] = [outputs, inputs // BLOCK]
    return found


def packed(model: Llama, layout: AudioTokens, bits: Literal[4, 8]) -> tuple[QuantisedLMConfig, dict[str, Tensor]]:
    """Configuration and tensors of `model` with weights of `bits` bits.

    Raises:
        BundleError: a width of the model is no multiple of the block's.
    """
    config = QuantisedLMConfig(**model.config.model_dump(), bits=bits, choices=layout.count + 1)
    widths = {inputs for _, inputs in matrices(config).values()}
    if any(width % BLOCK for width in widths):
        raise BundleError(f"The language model has widths of {sorted(widths)}; packing needs multiples of {BLOCK}.")
    embedding_VD = model.model.embed_tokens.weight.detach()
    scales_V = embedding_VD.float().abs().amax(1).clamp(min=1e-8) / 127
    weights = {
        "embedding.codes": (embedding_VD.float() / scales_V[:, None]).round().to(torch.int8),
        "embedding.scales": scales_V,
        "norm.final": model.model.norm.weight.detach().float(),
    }
    full = {"head": layout.choices(embedding_VD)}
    own = model.state_dict()
    for number in range(config.num_layers):
        layer = f"model.layers.{number}"
        full[f"{number}.qkv"] = torch.cat([own[f"{layer}.self_attn.{part}_proj.weight"] for part in "qkv"])
        full[f"{number}.o"] = own[f"{layer}.self_attn.o_proj.weight"]
        full[f"{number}.gate_up"] = torch.cat([own[f"{layer}.mlp.{part}_proj.weight"] for part in ("gate", "up")])
        full[f"{number}.down"] = own[f"{layer}.mlp.down_proj.weight"]
        weights[f"norm.{number}.attention"] = own[f"{layer}.input_layernorm.weight"].float()
        weights[f"norm.{number}.feed_forward"] = own[f"{layer}.post_attention_layernorm.weight"].float()
    for name, weight_NK in full.items():
        weights[f"{name}.packed"], weights[f"{name}.scales"] = quantised(weight_NK.detach(), bits_of(name, config))
    return config, weights
