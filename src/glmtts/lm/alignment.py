"""Guided attention: the loss that teaches attention heads to follow the alignment of speech tokens with phonemes.

With hours of speech, next-token training alone finds the alignment of text and speech late or never. As in guided
attention (Tachibana et al., 2018), one head in each of a few layers is told where to look while training. The model,
its sizes and its inference stay those of a plain Llama.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from glmtts.lm.model import Attention, Layer, Llama, rotate

GUIDED_HEAD = 0  # of each guided layer; before training all heads are alike
REACH = 1  # ids to either side that count as found: the borders of an alignment are about one phoneme exact


def log_weights(attention: Attention, x_BLD: Tensor, cos_LK: Tensor, sin_LK: Tensor, head: int) -> Tensor:
    """Logarithms of the attention weights of one head, (B, L, L) in float32.

    Queries and keys come from the projection modules themselves, so that adapters around them are trained too.
    """
    size, group = attention.config.head_dim, attention.config.num_heads // attention.config.num_kv_heads
    # one head of the queries, and the head of the keys that its group shares; (B, 1, L, size), since `rotate` has an
    # axis of heads
    q = attention.q_proj(x_BLD).unflatten(-1, (-1, size))[:, None, :, head]
    k = attention.k_proj(x_BLD).unflatten(-1, (-1, size))[:, None, :, head // group]
    q, k = rotate(q, cos_LK, sin_LK)[:, 0].float(), rotate(k, cos_LK, sin_LK)[:, 0].float()
    # computed once more: the fused attention of the forward gives no weights to take a loss of
    logits = q @ k.transpose(1, 2) / size**0.5
    length = x_BLD.shape[1]
    future = torch.ones(length, length, dtype=torch.bool, device=x_BLD.device).triu(1)
    return logits.masked_fill(future, -torch.inf).log_softmax(-1)


def alignment_loss(
    model: Llama, inputs: list[Tensor], aligned_A: Tensor, places_A: Tensor, layers: Sequence[int]
) -> Tensor:
    """−log of the attention within `REACH` ids of the aligned one, mean over `layers` and aligned positions.

    `inputs` are the inputs of all layers, (B, L, D) each. Positions `aligned_A`, counted over the flattened (B · L),
    should attend to `places_A` of their row. Zero where nothing is aligned.
    """
    length = inputs[0].shape[1]
    near_AR = places_A[:, None] + torch.arange(-REACH, REACH + 1, device=places_A.device)
    beyond_AR = (near_AR < 0) | (near_AR >= length)
    losses, cos, sin = [], model.cos[:length], model.sin[:length]
    for number in layers:
        layer = cast(Layer, model.model.layers[number])
        weights = log_weights(layer.self_attn, layer.input_layernorm(inputs[number]), cos, sin, GUIDED_HEAD)
        found_AR = weights.flatten(0, 1)[aligned_A].gather(1, near_AR.clamp(0, length - 1))
        found_A = found_AR.masked_fill(beyond_AR, -torch.inf).logsumexp(-1)
        losses.append(-found_A.sum() / max(1, len(aligned_A)))
    return torch.stack(losses).mean()
