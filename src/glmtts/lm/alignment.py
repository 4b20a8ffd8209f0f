"""The loss that teaches attention heads to follow the alignment of speech tokens with phonemes.

With hours of speech, next-token training alone finds the alignment of text and speech late or never. As in guided
attention (Tachibana et al., 2018), one head in each of two layers is told where to look while training. The
model, its sizes and its inference stay those of a plain Llama.
"""

from typing import cast

import torch
from torch import Tensor

from glmtts.lm.model import Layer, Llama

GUIDED_LAYERS = (2, 3)
GUIDED_HEAD = 0
REACH = 1


def alignment_loss(model: Llama, inputs: list[Tensor], aligned_BL: Tensor) -> Tensor:
    """−log of the attention within `REACH` ids of the aligned one, mean over guided layers and aligned positions.

    `inputs` are the inputs of the layers, (B, L, D) each; `aligned_BL` is −1 where there is no alignment.
    """
    known_BL = aligned_BL >= 0
    places = aligned_BL[known_BL][:, None] + torch.arange(-REACH, REACH + 1, device=aligned_BL.device)
    length, losses = aligned_BL.shape[1], []
    cos, sin = model.cos[:length], model.sin[:length]
    for number in GUIDED_LAYERS:
        layer = cast(Layer, model.model.layers[number])
        log_weights = layer.self_attn.log_weights(layer.input_layernorm(inputs[number]), cos, sin, GUIDED_HEAD)
        near = log_weights[known_BL].gather(1, places.clamp(0, length - 1))
        losses.append(-near.logsumexp(-1).clamp(max=0).mean())
    return torch.stack(losses).mean()
