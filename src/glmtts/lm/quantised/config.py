"""Sizes of a packed language model, and the tensors that its file holds."""

from typing import Literal, Self

from pydantic import Field, model_validator

from glmtts.config import LARGEST_SIZE
from glmtts.lm.config import LMConfig

Bits = Literal[4, 8]
Block = Literal[16, 32, 64, 128]
HEAD_BITS: Bits = 8
BLOCK: Block = 32  # weights that share a scale, in files that do not say


class QuantisedLMConfig(LMConfig):
    """Sizes of the Llama, bits a weight and a weight of the head, weights that share a scale, and how many speech
    tokens the head chooses from, the end included."""

    bits: Bits
    head_bits: Bits = HEAD_BITS
    block: Block = BLOCK
    choices: int = Field(ge=2, le=LARGEST_SIZE)

    @model_validator(mode="after")
    def _of_whole_blocks(self) -> Self:
        if any(width % self.block for width in input_widths(self)):
            raise ValueError(f"widths of {sorted(input_widths(self))} are no whole blocks of {self.block}")
        return self

    def bits_of(self, name: str) -> int:
        """Bits a weight of the matrix `name`."""
        return self.head_bits if name == "head" else self.bits


def input_widths(config: LMConfig) -> set[int]:
    """The inputs of the packed matrices: blocks run along them, so each must be whole ones."""
    return {config.hidden_size, config.num_heads * config.head_dim, config.intermediate_size}


def type_of(name: str) -> str:
    """The type of a tensor of the file, as safetensors calls it."""
    return {"packed": "U8", "codes": "I8"}.get(name.rpartition(".")[2], "F32")


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


def shapes(config: QuantisedLMConfig) -> dict[str, list[int]]:
    """The tensors of the file, by name."""
    found = {"embedding.codes": [config.vocab_size, config.hidden_size], "embedding.scales": [config.vocab_size]}
    norms = [f"{layer}.{name}" for layer in range(config.num_layers) for name in ("attention", "feed_forward")]
    found |= {f"norm.{name}": [config.hidden_size] for name in (*norms, "final")}
    for name, (outputs, inputs) in matrices(config).items():
        groups = inputs // config.block
        # bytes: two weights of four bits share one
        found[f"{name}.packed"] = [outputs, groups, config.block * config.bits_of(name) // 8]
        found[f"{name}.scales"] = [outputs, groups]
    return found
