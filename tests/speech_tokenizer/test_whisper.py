"""Encoders of released Whispers: both kinds of file give the same weights, and what is neither is one sentence."""

import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from glmtts.errors import TrainingError
from glmtts.speech_tokenizer.heads import SpeechTokenizerTraining
from glmtts.speech_tokenizer.model import SpeechTokenizer, SpeechTokenizerConfig
from glmtts.speech_tokenizer.train import _start_from_whisper
from glmtts.speech_tokenizer.whisper import TYPES, encoder_weights

WIDTH, LAYERS = 8, 3
SIZES = SpeechTokenizerConfig(
    d_model=WIDTH, heads=2, ffn=16, num_mel_bins=4, max_positions=20, layers_before=LAYERS, codes=4, code_width=2
)
NAMES = {
    "self_attn_layer_norm": "self_attention/layer_norm", "final_layer_norm": "ffn/layer_norm", "fc1": "ffn/linear_0",
    "fc2": "ffn/linear_1", "self_attn.out_proj": "self_attention/linear_1",
}  # fmt: skip


@pytest.fixture
def weights() -> dict[str, Tensor]:
    torch.manual_seed(0)
    state = {name: torch.randn_like(value) for name, value in SpeechTokenizer(SIZES).state_dict().items()}
    return {name: value for name, value in state.items() if name.startswith(("conv", "embed_positions", "layers."))}


def ctranslate2(weights: dict[str, Tensor]) -> dict[str, np.ndarray]:
    """The variables of CTranslate2's file: three projections as one, other names."""
    variables = {"encoder/position_encodings/encodings": weights["embed_positions.weight"]}
    variables |= {f"encoder/{n}/{end}": weights[f"{n}.{end}"] for n in ("conv1", "conv2") for end in ("weight", "bias")}
    for layer in range(LAYERS):
        ours, theirs = f"layers.{layer}.", f"encoder/layer_{layer}/"
        for name, other in NAMES.items():
            ends = ("gamma", "beta") if "norm" in name else ("weight", "bias")
            variables |= {
                f"{theirs}{other}/{end}": weights[f"{ours}{name}.{own}"]
                for end, own in zip(ends, ("weight", "bias"), strict=True)
            }
        q, k, v = (f"{ours}self_attn.{one}_proj" for one in "qkv")
        joined = torch.cat([weights[f"{one}.weight"] for one in (q, k, v)])
        biases = torch.cat([weights[f"{q}.bias"], torch.zeros(WIDTH), weights[f"{v}.bias"]])
        variables |= {f"{theirs}self_attention/linear_0/weight": joined}
        variables |= {f"{theirs}self_attention/linear_0/bias": biases}
    return {name: value.numpy() for name, value in variables.items()}


def text(value: str) -> bytes:
    return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"


def write(path: Path, variables: dict[str, np.ndarray]) -> Path:
    kinds = {np.dtype(kind): number for number, kind in TYPES.items()}
    parts = [struct.pack("<I", 6), text("WhisperSpec"), struct.pack("<II", 3, len(variables))]
    for name, value in variables.items():
        parts += [text(name), struct.pack(f"<B{value.ndim}I", value.ndim, *value.shape)]
        parts += [struct.pack("<BI", kinds[value.dtype], value.nbytes), value.tobytes()]
    path.write_bytes(b"".join(parts))
    return path


def test_both_kinds_of_file_give_the_same_weights(weights: dict[str, Tensor], tmp_path: Path) -> None:
    hub = {f"model.encoder.{name}": value for name, value in weights.items()} | {"model.decoder.x": torch.zeros(1)}
    save_file(hub, tmp_path / "model.safetensors")
    for path in (tmp_path / "model.safetensors", write(tmp_path / "model.bin", ctranslate2(weights))):
        read = encoder_weights(path)
        assert read.keys() == weights.keys()
        assert all(torch.equal(read[name], value) for name, value in weights.items())


def test_weights_in_integers_are_refused(weights: dict[str, Tensor], tmp_path: Path) -> None:
    variables = ctranslate2(weights)
    name = "encoder/layer_0/ffn/linear_0/weight"
    variables |= {name: variables[name].astype(np.int8), f"{name}_scale": np.ones(16, np.float32)}
    with pytest.raises(TrainingError, match=f"{name} is stored in integers; convert it with"):
        encoder_weights(write(tmp_path / "model.bin", variables))


@pytest.mark.parametrize("size", [0, 3, 40, 400])
def test_what_is_cut_off_is_refused(size: int, weights: dict[str, Tensor], tmp_path: Path) -> None:
    path = write(tmp_path / "model.bin", ctranslate2(weights))
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(TrainingError, match="holds no encoder of Whisper"):
        encoder_weights(path)


def test_layers_after_the_codebook_begin_as_the_last_ones(weights: dict[str, Tensor]) -> None:
    model = SpeechTokenizerTraining(SIZES, 1, pitch=False, mel=False)
    _start_from_whisper(model, weights)
    last = f"layers.{LAYERS - 1}.fc1.weight"
    assert torch.equal(model.asr.layers[0].fc1.weight, weights[last])
    assert torch.equal(model.tokenizer.layers[0].fc1.weight, weights["layers.0.fc1.weight"])
    deep = SpeechTokenizerTraining(SIZES.model_copy(update={"layers_after": LAYERS + 1}), 1, pitch=False, mel=False)
    with pytest.raises(TrainingError, match=r"The weights of init\.whisper do not fit"):
        _start_from_whisper(deep, weights)
    with pytest.raises(TrainingError, match=r"The weights of init\.whisper do not fit"):
        _start_from_whisper(model, {name: value for name, value in weights.items() if not name.startswith("layers.")})
