"""The modules of a release with their configurations, read from its config files or from the weights' shapes."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from glmtts.errors import ReleaseError
from glmtts.flow.dit import FlowConfig
from glmtts.lm.model import LMConfig
from glmtts.official.adapter import Part, flow_name, fold_weight_norm, hift_name, speech_tokenizer_name
from glmtts.official.release import Release
from glmtts.official.weights import Shards, Weights, load_pickle
from glmtts.speech_tokenizer.model import SpeechTokenizerConfig
from glmtts.vocoder.hift import HiFTConfig

HEAD_CHANNELS = 64  # of the released DiT
LARGEST_SIZE = 1 << 24  # far above any of the release: what a damaged file asks for is not built
LARGEST_NUMBER = 1e12  # of what is no size; the base of RoPE is 10⁴ to 10⁷


def language_model(release: Release) -> Part:
    """The Llama, from its shards."""
    path = release.folder / "llm" / "config.json"
    values = release.table(path)
    _require(values, path, model_type="llama", tie_word_embeddings=True, attention_bias=False, mlp_bias=False)
    _require_multiple(values, path, "num_attention_heads", "num_key_value_heads")
    weights = Shards(release.shards("llm"))
    config = LMConfig(
        vocab_size=_size(values, "vocab_size", path),
        hidden_size=_size(values, "hidden_size", path),
        num_layers=_layers(values, "num_hidden_layers", path, weights, "model.layers.", all_used=True),
        num_heads=_size(values, "num_attention_heads", path),
        num_kv_heads=_size(values, "num_key_value_heads", path),
        head_dim=_head_dim(values, path),
        intermediate_size=_size(values, "intermediate_size", path),
        rope_theta=_number({"rope_theta": 10000.0, **values}, "rope_theta", path),
        rms_norm_eps=_number(values, "rms_norm_eps", path),
        max_positions=_size(values, "max_position_embeddings", path),
    )
    return Part("lm", "llama", config, weights, lambda name: name)


def speech_tokenizer(release: Release) -> Part:
    """The Whisper encoder up to its codebook."""
    path = release.folder / "speech_tokenizer" / "config.json"
    values = release.table(path)
    _require(
        values,
        path,
        # 50 frames a second become 25 tokens, and nothing is causal (report, section 2.3)
        pooling_kernel_size=2,
        pooling_type="avg",
        encoder_causal_attention=False,
        encoder_causal_convolution=False,
        quantize_causal_encoder=False,
    )
    _require_multiple(values, path, "d_model", "encoder_attention_heads")
    weights = Shards(release.shards("speech_tokenizer"))
    # the file goes on to the encoder's end; layers behind the codebook are not needed
    layers = _layers(values, "quantize_position", path, weights, "model.encoder.layers.")
    config = SpeechTokenizerConfig(
        d_model=_size(values, "d_model", path),
        heads=_size(values, "encoder_attention_heads", path),
        ffn=_size(values, "encoder_ffn_dim", path),
        num_mel_bins=_size(values, "num_mel_bins", path),
        max_positions=_size(values, "max_source_positions", path),
        layers_before=layers,
        codes=_size(values, "quantize_vocab_size", path),
        # the release quantises its pooled vectors as they are
        code_width=None,
        block_frames=_size(values, "quantize_causal_block_size", path),
    )
    return Part("speech_tokenizer", "whisper_vq", config, weights, speech_tokenizer_name(layers))


def flow(release: Release) -> Part:
    """The DiT; its sizes are those of its weights."""
    weights = load_pickle(release.folder / "flow" / "flow.pt")
    shapes = {flow_name(name): shape for name, shape in weights.shapes().items()}
    rows, token_width = _shape(shapes, "text_emb_layer.text_embed.weight", weights, 2)
    n_mels, width = _shape(shapes, "proj_out.weight", weights, 2)
    inner, _ = _shape(shapes, "transformer_blocks.0.ff.ff.0.0.weight", weights, 2)
    # a grouped convolution's weight is (outputs, inputs / groups, kernel)
    _, group, kernel = _shape(shapes, "emb_concator.conv_pos_embed.conv1d.0.weight", weights, 3)
    _, condition = _shape(shapes, "norm_out.linear.weight", weights, 2)
    config = _flow_config(
        weights,
        # the table has a row more than there are codes (flow/layers.py)
        vocabulary=rows - 1,
        token_width=token_width,
        token_blocks=_count(shapes, "text_emb_layer.text_blocks."),
        width=width,
        blocks=_count(shapes, "transformer_blocks."),
        # the shapes of the weights do not tell how they are cut into heads
        heads=max(1, width // HEAD_CHANNELS),
        ff_mult=inner // width,
        n_mels=n_mels,
        # the norms are conditioned on time and speaker side by side
        speaker_width=condition - width,
        # prior and pitch are this package's own
        prior_width=None,
        pitch_width=None,
        position_kernel=kernel,
        position_groups=width // group,
        # a slip of the release: its weights were trained with it (docs/released-weights.md)
        rotate_first_head_only=True,
        # the release's mels enter as they are
        mel_mean=0.0,
        mel_std=1.0,
    )
    return Part("flow", "dit", config, weights, flow_name)


def _flow_config(weights: Weights, **values: Any) -> FlowConfig:
    """The configuration of a flow model; its own checks know sizes that shapes alone do not rule out."""
    try:
        return FlowConfig(**values)
    except ValidationError as error:
        first = error.errors()[0]
        reason = ": ".join([*map(str, first["loc"]), first["msg"].removeprefix("Value error, ")])
        raise ReleaseError(f"{weights.origin} is another model: {reason}. Fetch the release again.") from None


def hift(release: Release) -> Part:
    """The 24 kHz vocoder, its weight norms folded."""
    weights = load_pickle(release.folder / "hift" / "hift.pt", fold_weight_norm)
    shapes = {hift_name(name): shape for name, shape in weights.shapes().items()}
    # a convolution's weight is (outputs, inputs, kernel)
    channels, n_mels, _ = _shape(shapes, "conv_pre.weight", weights, 3)
    f0_channels, _, _ = _shape(shapes, "f0_predictor.condnet.0.weight", weights, 3)
    config = HiFTConfig(n_mels=n_mels, base_channels=channels, f0_channels=f0_channels)
    return Part("vocoder", "hift", config, weights, hift_name)


def _of(values: dict[str, Any], key: str, path: Path) -> Any:
    if key not in values:
        raise ReleaseError(f"{path} lacks `{key}`: it is not the released one. Fetch it again.")
    return values[key]


def _size(values: dict[str, Any], key: str, path: Path) -> int:
    value = _of(values, key, path)
    # not isinstance: True is an int
    if type(value) is not int or not 1 <= value <= LARGEST_SIZE:
        raise ReleaseError(f"{path} gives {str(value)[:40]!r} as `{key}`, which is no size. Fetch it again.")
    return value


def _number(values: dict[str, Any], key: str, path: Path) -> float:
    value = _of(values, key, path)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < LARGEST_NUMBER:
        raise ReleaseError(f"{path} gives {str(value)[:40]!r} as `{key}`, which is no number above 0. Fetch it again.")
    return float(value)


def _layers(values: dict[str, Any], key: str, path: Path, weights: Weights, prefix: str, all_used: bool = False) -> int:
    """As many layers as the file says, where the weights have them; with `all_used` they have no more."""
    wanted, found = _size(values, key, path), _count(weights.shapes(), prefix)
    if wanted > found or (all_used and wanted < found):
        raise ReleaseError(f"{path} tells of {wanted} layers, and the weights have {found}. Fetch the release again.")
    return wanted


def _head_dim(values: dict[str, Any], path: Path) -> int:
    """The width of a head, which RoPE halves; older files leave it to be computed."""
    computed = _size(values, "hidden_size", path) // _size(values, "num_attention_heads", path)
    # missing or null
    given = {"head_dim": values.get("head_dim") or computed}
    if (size := _size(given, "head_dim", path)) % 2:
        raise ReleaseError(f"{path} describes another model: `head_dim` is odd. Only the released one is known.")
    return size


def _require_multiple(values: dict[str, Any], path: Path, key: str, of: str) -> None:
    if _size(values, key, path) % _size(values, of, path):
        raise ReleaseError(
            f"{path} describes another model: `{key}` is no multiple of `{of}`. Only the released one is known."
        )


def _require(values: dict[str, Any], path: Path, **wanted: Any) -> None:
    # a key that the file leaves out has its usual value, and is no difference
    wrong = [
        f"{key} is {values[key]!r}, not {value!r}" for key, value in wanted.items() if values.get(key, value) != value
    ]
    if wrong:
        raise ReleaseError(f"{path} describes another model: {'; '.join(wrong)}. Only the released one is known.")


def _shape(shapes: dict[str, tuple[int, ...]], name: str, weights: Weights, axes: int) -> tuple[int, ...]:
    if name not in shapes:
        raise ReleaseError(f"{weights.origin} is another model: it lacks {name}. Fetch the release again.")
    if len(shapes[name]) != axes or 0 in shapes[name]:
        raise ReleaseError(
            f"{weights.origin} is another model: {name} has shape {list(shapes[name])}. Fetch the release again."
        )
    return shapes[name]


def _count(shapes: dict[str, tuple[int, ...]], prefix: str) -> int:
    return len({name.removeprefix(prefix).split(".")[0] for name in shapes if name.startswith(prefix)})
