"""Scales for keys and values of eight bits, from what the voices of a bundle say.

A step of `mini` reads 5.9 MB of weights and, at 150 positions, 1.8 MB of float32 keys and values a row; with eight bits
these are a quarter. One scale for each channel of each head, as KIVI (Liu et al., 2024) has it for keys: ONNX Runtime
takes no scale a token.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from safetensors.torch import load_file, save_file
from torch import from_numpy

from glmtts import durable
from glmtts.bundle import Bundle
from glmtts.lm.prompt import build_prompt
from glmtts.onnx.bundle import LM_WEIGHTS
from glmtts.onnx.config import DecoderConfig
from glmtts.onnx.voice import NumpyVoice
from glmtts.ort.decoder import Decoder, DecoderState, Embedding
from glmtts.ort.kernels import ROUNDED
from glmtts.ort.llama import llama_graph, scale_names
from glmtts.ort.runtime import session
from glmtts.ort.tensors import stored

# From 1,270 positions of eight voices to 27,000 of other texts the largest value of a channel grows by a tenth, of one
# in ten by a quarter and more. KL to float32 weights, 0.0009 nats of float32 keys: 0.0013 by 1.6; 0.0017 by 1.3, 0.0018
# by 2.5
MARGIN = 1.6


def add_ranges(bundle: Bundle, folder: Path, sizes: DecoderConfig) -> None:
    """Add the scales to the language model's weights in `folder`; without voices nothing tells them, and none are."""
    weights = folder / LM_WEIGHTS
    tensors = stored(weights)
    graph = llama_graph(sizes, tensors, LM_WEIGHTS, ROUNDED)
    decoder = Decoder(session(graph, 1, folder), sizes, Embedding(weights, tensors))
    scales = scales_of(decoder, list(spoken(bundle)))
    if scales:
        with durable.whole(weights) as file:
            save_file({**load_file(weights), **{name: from_numpy(value) for name, value in scales.items()}}, file)


def spoken(bundle: Bundle) -> Iterator[list[int]]:
    """Ids of what each voice of a bundle says: its text and its speech, as the language model was taught them."""
    frontend, layout = bundle.frontend(), bundle.audio_tokens
    for voice in (NumpyVoice.load(bundle.voice_path(name)) for name in bundle.config.voices):
        if not voice.text:
            continue
        text_ids = [number for piece in frontend.prepare(voice.text) for number in frontend.ids(piece.closed)]
        yield build_prompt(layout, text_ids, (), voice.tokens.tolist())[: bundle.lm.max_positions - 1]


def scales_of(decoder: Decoder, prompts: list[list[int]]) -> dict[str, np.ndarray]:
    """Scales (heads, 1, head_dim) of the keys and values of every layer by their names, none without prompts."""
    largest: list[np.ndarray] = []
    for ids in prompts:
        state = DecoderState()
        decoder.prefill(state, ids, 1)
        reached = [np.abs(buffer[0, :, : len(ids)]).max(1, keepdims=True) for buffer in state.buffers]
        largest = [np.maximum(a, b) for a, b in zip(largest, reached, strict=True)] if largest else reached
    names = [name for layer in range(decoder.sizes.num_layers) for name in scale_names(layer)]
    return {name: _scale(one) for name, one in zip(names, largest, strict=bool(largest))}


def _scale(largest: np.ndarray) -> np.ndarray:
    """The step of a code of eight bits; channels that hardly moved get that of the median, as they may move yet."""
    kept = np.maximum(largest, max(float(np.median(largest)), 1e-6))
    return (MARGIN / 127 * kept).astype(np.float32)
