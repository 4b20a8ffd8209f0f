"""A plain Llama as the tensors of a packed one."""

from collections.abc import Iterator

import torch
from torch import Tensor

from glmtts.errors import BundleError
from glmtts.lm.model import Llama
from glmtts.lm.quantised.config import BLOCK, HEAD_BITS, Bits, Block, QuantisedLMConfig, input_widths
from glmtts.lm.quantised.packing import quantised
from glmtts.ort.llama import check_heads
from glmtts.text.audio_tokens import AudioTokens
from glmtts.weights import in_bytes


def packed(
    model: Llama, layout: AudioTokens, bits: Bits, block: Block, head_bits: Bits = HEAD_BITS
) -> tuple[QuantisedLMConfig, dict[str, Tensor]]:
    """Configuration and tensors of `model` with weights of `bits` bits, `block` of which share a scale.

    The embedding has eight bits, with a scale a row; the head, which is the speech part of it, has `head_bits`: in
    `mini` a head of four bits changed 2 % more of the tokens. Norms stay as they are.

    Raises:
        BundleError: a width of the model is no multiple of the block's, or its heads have a width that ONNX Runtime
            does not take.
    """
    check_heads(model.config)
    widths = input_widths(model.config)
    if any(width % block for width in widths):
        raise BundleError(
            f"The language model has widths of {sorted(widths)}, and packing needs multiples of {block}. "
            "Speak it unpacked, or choose a smaller block."
        )
    sizes = model.config.model_dump()
    config = QuantisedLMConfig(**sizes, bits=bits, head_bits=head_bits, block=block, choices=layout.count + 1)
    codes_VD, scales_V = in_bytes(model.model.embed_tokens.weight)
    weights = {"embedding.codes": codes_VD, "embedding.scales": scales_V, **norms(model)}
    for name, weight_NK in joined_matrices(model, layout):
        found = quantised(weight_NK, config.bits_of(name), block)
        weights[f"{name}.packed"], weights[f"{name}.scales"] = found
    return config, weights


def usual_block(model: Llama, bits: Bits) -> Block:
    """Weights that share a scale where nobody says otherwise.

    Of eight bits 64, by which a step of `mini` takes 4 to 9 % less than by 32, and is as exact; of four bits
    32, since their error grows with the block. 32 too where a width of the model is no multiple of 64.
    """
    return 64 if bits == 8 and not any(width % 64 for width in input_widths(model.config)) else BLOCK


def norms(model: Llama) -> dict[str, Tensor]:
    """Weights of the norms in float32, by the names of a packed file."""
    own, found = model.state_dict(), {"norm.final": model.model.norm.weight.detach().float()}
    for number in range(model.config.num_layers):
        layer = f"model.layers.{number}"
        found[f"norm.{number}.attention"] = own[f"{layer}.input_layernorm.weight"].float()
        found[f"norm.{number}.feed_forward"] = own[f"{layer}.post_attention_layernorm.weight"].float()
    return found


def joined_matrices(model: Llama, layout: AudioTokens) -> Iterator[tuple[str, Tensor]]:
    """Names and weights (outputs, inputs) of the matrices that are multiplied at once, as decoding uses them."""
    # speech never chooses a text id: the head is the embedding's rows of the codes and of the end
    yield "head", layout.choices(model.model.embed_tokens.weight.detach())
    own = model.state_dict()
    for number in range(model.config.num_layers):
        layer = f"model.layers.{number}"
        yield f"{number}.qkv", torch.cat([own[f"{layer}.self_attn.{part}_proj.weight"] for part in "qkv"])
        yield f"{number}.o", own[f"{layer}.self_attn.o_proj.weight"]
        yield f"{number}.gate_up", torch.cat([own[f"{layer}.mlp.{part}_proj.weight"] for part in ("gate", "up")])
        yield f"{number}.down", own[f"{layer}.mlp.down_proj.weight"]
