"""Read the encoder of a released Whisper into our speech tokenizer's names.

From the Hub's safetensors (`model.encoder.…` or `encoder.…`, the same names as ours), or from a CTranslate2 `model.bin`
in float32 or float16, version 6: the name of the model's specification and its revision, then variables (name, axes,
type, bytes), each preceded by lengths; all little-endian.
"""

import struct
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from glmtts.errors import TrainingError

TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}  # the numbers of CTranslate2's DataType


def read_ctranslate2(path: Path) -> dict[str, np.ndarray]:
    """All variables of a CTranslate2 model file, version 6."""
    data = path.read_bytes()
    position = 0

    def take(form: str) -> int:
        nonlocal position
        (value,) = struct.unpack_from("<" + form, data, position)
        position += struct.calcsize("<" + form)
        return value

    def take_string() -> str:
        nonlocal position
        length = take("H")
        # a length counts the NUL at the end
        text = data[position : position + length - 1].decode()
        position += length
        return text

    take("I"), take_string(), take("I")  # version, name of the specification, its revision
    variables = {}
    for _ in range(take("I")):
        name = take_string()
        shape = [take("I") for _ in range(take("B"))]
        kind, size = take("B"), take("I")
        values = np.frombuffer(data, TYPES[kind], size // np.dtype(TYPES[kind]).itemsize, position)
        variables[name] = values.reshape(shape)
        position += size
    return variables


def encoder_weights(path: Path) -> dict[str, Tensor]:
    """The encoder's weights under the names of `SpeechTokenizer`, float32.

    Raises:
        TrainingError: the file is neither of the two, or damaged.
    """
    try:
        return _from_hub(path) if path.suffix == ".safetensors" else _from_ctranslate2(path)
    except (OSError, SafetensorError, struct.error, KeyError, ValueError) as error:
        raise TrainingError(f"{path} holds no encoder of Whisper: {error}. Give its model.safetensors.") from None


def _from_hub(path: Path) -> dict[str, Tensor]:
    named = {name.removeprefix("model."): value.float() for name, value in load_file(path).items()}
    return {name.removeprefix("encoder."): value for name, value in named.items() if name.startswith("encoder.")}


def _from_ctranslate2(path: Path) -> dict[str, Tensor]:
    # values without axes are settings, such as the number of heads, in integers
    read = {name: v for name, v in read_ctranslate2(path).items() if name.startswith("encoder/") and v.ndim}
    # their scales stand beside them: as they are, they would be weights of up to 127
    if packed := [name for name, values in read.items() if values.dtype.kind != "f"]:
        raise ValueError(f"{packed[0]} is stored in integers; convert it with --quantization float16")
    variables = {name: torch.from_numpy(values.astype(np.float32)) for name, values in read.items()}
    weights = {
        "conv1.weight": variables["encoder/conv1/weight"],
        "conv1.bias": variables["encoder/conv1/bias"],
        "conv2.weight": variables["encoder/conv2/weight"],
        "conv2.bias": variables["encoder/conv2/bias"],
        "embed_positions.weight": variables["encoder/position_encodings/encodings"],
    }
    layers = sum(name.endswith("self_attention/layer_norm/gamma") for name in variables)
    for layer in range(layers):
        weights |= _layer(variables, f"encoder/layer_{layer}/", f"layers.{layer}.")
    return weights


def _layer(variables: dict[str, Tensor], theirs: str, ours: str) -> dict[str, Tensor]:
    # CTranslate2 joins the three projections; the keys' part of the bias is dropped, since Whisper's have none
    query_w, key_w, value_w = variables[f"{theirs}self_attention/linear_0/weight"].chunk(3)
    query_b, _, value_b = variables[f"{theirs}self_attention/linear_0/bias"].chunk(3)
    attention = f"{ours}self_attn"
    return {
        f"{attention}.q_proj.weight": query_w,
        f"{attention}.q_proj.bias": query_b,
        f"{attention}.k_proj.weight": key_w,
        f"{attention}.v_proj.weight": value_w,
        f"{attention}.v_proj.bias": value_b,
        f"{attention}.out_proj.weight": variables[f"{theirs}self_attention/linear_1/weight"],
        f"{attention}.out_proj.bias": variables[f"{theirs}self_attention/linear_1/bias"],
        f"{attention}_layer_norm.weight": variables[f"{theirs}self_attention/layer_norm/gamma"],
        f"{attention}_layer_norm.bias": variables[f"{theirs}self_attention/layer_norm/beta"],
        f"{ours}fc1.weight": variables[f"{theirs}ffn/linear_0/weight"],
        f"{ours}fc1.bias": variables[f"{theirs}ffn/linear_0/bias"],
        f"{ours}fc2.weight": variables[f"{theirs}ffn/linear_1/weight"],
        f"{ours}fc2.bias": variables[f"{theirs}ffn/linear_1/bias"],
        f"{ours}final_layer_norm.weight": variables[f"{theirs}ffn/layer_norm/gamma"],
        f"{ours}final_layer_norm.bias": variables[f"{theirs}ffn/layer_norm/beta"],
    }
