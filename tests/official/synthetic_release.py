"""A synthetic release: the released file names, keys, shard layout and config files, random weights by rule.

python -m tests.official.synthetic_release OUT          # reduced width, a few megabytes
python -m tests.official.synthetic_release OUT --full   # the released sizes, about 9 GB
"""

import argparse
import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_file
from torch import Tensor, nn

from glmtts.flow.dit import DiT, FlowConfig
from glmtts.lm.model import Llama, LMConfig
from glmtts.speech_tokenizer.model import SpeechTokenizer, SpeechTokenizerConfig
from glmtts.text.phonemes import MANDARIN, token
from glmtts.vocoder.hift import HiFT, HiFTConfig
from tests.parity import fill

SAFE = "你好我的天气今们公园散步吧去很"
BUFFERS = ("rotary_embed.inv_freq",)


@dataclass(frozen=True)
class Sizes:
    """Configurations of the four modules, and how many layers the tokenizer's file holds beyond those used."""

    lm: LMConfig
    tokenizer: SpeechTokenizerConfig
    flow: FlowConfig
    hift: HiFTConfig
    layers: int
    shard_bytes: int


REDUCED = Sizes(
    lm=LMConfig(
        vocab_size=640, hidden_size=32, num_layers=2, num_heads=2, num_kv_heads=1, head_dim=16, intermediate_size=64
    ),
    tokenizer=SpeechTokenizerConfig(
        d_model=32, heads=2, ffn=64, num_mel_bins=128, layers_before=2, codes=64, code_width=None,
        block_frames=200,
    ),
    flow=FlowConfig(
        vocabulary=100, token_width=16, token_blocks=2, width=64, blocks=2, heads=1, ff_mult=2,
        rotate_first_head_only=True, position_kernel=31, prior_width=None, pitch_width=None,
    ),
    hift=HiFTConfig(base_channels=32, f0_channels=16),
    layers=3,
    shard_bytes=60_000,
)  # fmt: skip
FULL = Sizes(
    lm=LMConfig(
        vocab_size=98304, hidden_size=2048, num_layers=28, num_heads=16, num_kv_heads=4, head_dim=128,
        intermediate_size=6144, max_positions=8192,
    ),
    tokenizer=SpeechTokenizerConfig(
        d_model=1280, heads=20, ffn=5120, num_mel_bins=128, layers_before=16, codes=32768,
        code_width=None, block_frames=200,
    ),
    flow=FlowConfig(
        vocabulary=100000, token_width=512, token_blocks=4, width=768, blocks=18, heads=12, ff_mult=2,
        rotate_first_head_only=True, position_kernel=31, prior_width=None, pitch_width=None,
    ),
    hift=HiFTConfig(),
    layers=17,
    shard_bytes=5_000_000_000,
)  # fmt: skip


def write_release(folder: Path, sizes: Sizes = REDUCED) -> Path:
    """Write weights and, in the same folder, what comes with the release's code; gives the folder."""
    for part in ("llm", "speech_tokenizer", "flow", "hift", "vq32k-phoneme-tokenizer", "configs", "frontend"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    _language_model(folder / "llm", sizes)
    _speech_tokenizer(folder / "speech_tokenizer", sizes)
    torch.save({"model": dict(flow_weights(sizes))}, folder / "flow" / "flow.pt")
    (folder / "flow" / "config.yaml").write_text(f"depth: {sizes.flow.blocks}\n")
    torch.save(dict(hift_weights(sizes)), folder / "hift" / "hift.pt")
    _vocabulary(folder / "vq32k-phoneme-tokenizer", sizes)
    _code(folder)
    return folder


def _shapes(module_class: type[nn.Module], config: object) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        return {name: tuple(value.shape) for name, value in module_class(config).state_dict().items()}


def flow_weights(sizes: Sizes) -> Iterator[tuple[str, Tensor]]:
    """Entries of flow.pt."""
    for name, shape in _shapes(DiT, sizes.flow).items():
        if name in BUFFERS:
            yield f"estimator.{name}", DiT(REDUCED.flow).rotary_embed.inv_freq
        else:
            yield f"estimator.{name}", fill(f"estimator.{name}", list(shape))


def hift_weights(sizes: Sizes) -> Iterator[tuple[str, Tensor]]:
    """Entries of hift.pt: convolutions with weight norm, but for those that bring the source down."""
    for name, shape in _shapes(HiFT, sizes.hift).items():
        if len(shape) == 3 and not name.startswith("source_downs"):
            prefix = name.removesuffix(".weight") + ".parametrizations.weight.original"
            yield f"{prefix}0", fill(f"{prefix}0", [shape[0], 1, 1])
            yield f"{prefix}1", fill(f"{prefix}1", list(shape))
        else:
            yield name, fill(name, list(shape))


def tokenizer_weights(sizes: Sizes) -> Iterator[tuple[str, Tensor]]:
    """Entries of the speech tokenizer's files: more than is used, and a decoder."""
    config = sizes.tokenizer
    whole = config.model_copy(update={"layers_before": sizes.layers})
    for name, shape in _shapes(SpeechTokenizer, whole).items():
        yield f"model.encoder.{name}", fill(name, list(shape))
    yield "model.encoder.ema_count", torch.zeros(config.codes)
    yield "model.encoder.ema_weight", torch.zeros(config.codes, config.code_width or config.d_model)
    width = config.d_model
    for name in ("layer_norm.weight", "layer_norm.bias"):
        yield f"model.encoder.{name}", fill(name, [width])
    yield "model.encoder.embed_positions2.weight", fill("embed_positions2.weight", [config.max_positions // 2, width])
    yield "model.decoder.embed_tokens.weight", torch.zeros(4, width)


def _language_model(folder: Path, sizes: Sizes) -> None:
    config = sizes.lm
    described = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "float32",
        "vocab_size": config.vocab_size, "hidden_size": config.hidden_size, "num_hidden_layers": config.num_layers,
        "num_attention_heads": config.num_heads, "num_key_value_heads": config.num_kv_heads,
        "head_dim": config.head_dim, "intermediate_size": config.intermediate_size, "rope_theta": config.rope_theta,
        "rms_norm_eps": config.rms_norm_eps, "max_position_embeddings": config.max_positions,
        "tie_word_embeddings": True, "attention_bias": False, "mlp_bias": False,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(described))
    weights = ((name, fill(name, list(shape))) for name, shape in _shapes(Llama, config).items())
    _save_shards(folder, weights, sizes.shard_bytes)


def _save_shards(folder: Path, weights: Iterator[tuple[str, Tensor]], limit: int) -> None:
    """Shards of at most `limit` bytes, with the index that the Hub's files have."""
    shards: list[list[str]] = []
    pending: dict[str, Tensor] = {}

    def flush() -> None:
        if pending:
            save_file(pending, folder / f"part-{len(shards)}", metadata={"format": "pt"})
            shards.append(list(pending))
            pending.clear()

    for name, value in weights:
        if sum(v.nbytes for v in pending.values()) + value.nbytes > limit:
            flush()
        pending[name] = value
    flush()
    weight_map = {}
    for number, names in enumerate(shards):
        file = f"model-{number + 1:05d}-of-{len(shards):05d}.safetensors"
        (folder / f"part-{number}").rename(folder / file)
        weight_map |= dict.fromkeys(names, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def _speech_tokenizer(folder: Path, sizes: Sizes) -> None:
    config = sizes.tokenizer
    described = {
        "d_model": config.d_model, "encoder_attention_heads": config.heads, "encoder_ffn_dim": config.ffn,
        "encoder_layers": sizes.layers, "num_mel_bins": config.num_mel_bins, "max_source_positions": 1500,
        "quantize_position": config.layers_before, "pooling_position": config.layers_before, "pooling_type": "avg",
        "pooling_kernel_size": 2, "quantize_vocab_size": config.codes, "quantize_causal_encoder": False,
        "quantize_causal_block_size": config.block_frames, "encoder_causal_attention": False,
        "encoder_causal_convolution": False,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(described))
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": config.num_mel_bins}))
    save_file(dict(tokenizer_weights(sizes)), folder / "model.safetensors", metadata={"format": "pt"})


def _vocabulary(folder: Path, sizes: Sizes) -> None:
    lines = [base64.b64encode(bytes([byte])) + b" %d" % byte for byte in range(256)]
    (folder / "tokenizer.model").write_bytes(b"\n".join(lines) + b"\n")
    names = ["<|endoftext|>", "<|user|>", "<|begin_of_audio|>", *map(token, MANDARIN)]
    names += [f"<|audio_{code}|>" for code in range(sizes.tokenizer.codes)]
    added = {str(256 + number): {"content": name, "special": True} for number, name in enumerate(names)}
    (folder / "tokenizer_config.json").write_text(json.dumps({"added_tokens_decoder": added}))


def _code(folder: Path) -> None:
    (folder / "configs" / "G2P_able_1word.json").write_text(json.dumps(list(SAFE)))
    (folder / "configs" / "G2P_replace_dict.jsonl").write_text('{"长大": "<|ZH|><|ANG3|><|D|><|A4|>"}\n\n')
    (folder / "configs" / "spk_prompt_dict.yaml").write_text("jam: [256, 257]\n")
    onnx.save(speaker_model(), str(folder / "frontend" / "campplus.onnx"))


def speaker_model() -> onnx.ModelProto:
    """An ONNX graph of the speaker encoder's form: the mean over time, then a linear layer."""
    weight = numpy_helper.from_array(fill("speaker.weight", [80, 192]).numpy(), "weight")
    axes = numpy_helper.from_array(torch.tensor([1]).numpy(), "axes")
    nodes = [
        helper.make_node("Exp", ["feats"], ["positive"]),
        helper.make_node("ReduceMean", ["positive", "axes"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "weight"], ["embs"]),
    ]
    given = helper.make_tensor_value_info("feats", TensorProto.FLOAT, ["batch", "frames", 80])
    result = helper.make_tensor_value_info("embs", TensorProto.FLOAT, ["batch", 192])
    graph = helper.make_graph(nodes, "speaker", [given], [result], [weight, axes])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--full", action="store_true", help="the released sizes")
    arguments = parser.parse_args()
    write_release(arguments.out, FULL if arguments.full else REDUCED)


if __name__ == "__main__":
    main()
