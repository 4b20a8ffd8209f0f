"""Alignment of speech tokens with phonemes, and the loss that teaches attention heads to follow it.

With hours of speech, next-token training alone finds the alignment of text and speech late or never. As in guided
attention (Tachibana et al., 2018), one head in each of two layers is told where to look while training. The
model, its sizes and its inference stay those of a plain Llama.
"""

from typing import cast

import numpy as np
import torch
from torch import Tensor

from glmtts.lm.model import Layer, Llama

GUIDED_LAYERS = (2, 3)
GUIDED_HEAD = 0
REACH = 1


def ctc_path(log_probs_SV: np.ndarray, labels_L: np.ndarray, blank: int = 0) -> np.ndarray:
    """The label (its place in `labels_L`) that every frame belongs to on the best CTC path, shape (S,).

    Viterbi over blank-interleaved states; a blank belongs to the label before it, the first blanks to the first.

    Raises:
        ValueError: there are fewer frames than the labels need.
    """
    frames, count = len(log_probs_SV), len(labels_L)
    states = np.full(2 * count + 1, blank)
    states[1::2] = labels_L
    may_skip = np.zeros(len(states), dtype=bool)
    may_skip[3::2] = states[3::2] != states[1:-2:2]
    if frames < count + int((labels_L[1:] == labels_L[:-1]).sum()):
        raise ValueError("There are fewer frames than labels.")
    score = np.full(len(states), -np.inf)
    score[:2] = log_probs_SV[0, states[:2]]
    came = np.zeros((frames, len(states)), dtype=np.int8)
    for frame in range(1, frames):
        one, two = np.full_like(score, -np.inf), np.full_like(score, -np.inf)
        one[1:] = score[:-1]
        two[2:] = np.where(may_skip[2:], score[:-2], -np.inf)
        choices = np.stack([score, one, two])
        came[frame] = choices.argmax(0)
        score = choices.max(0) + log_probs_SV[frame, states]
    state = len(states) - 1 - int(score[-2] > score[-1])
    path = np.zeros(frames, dtype=np.int32)
    for frame in range(frames - 1, -1, -1):
        path[frame] = max(0, (state - 1) // 2)
        state -= int(came[frame, state])
    return path


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
