"""The modules of a release with their configurations, read from its config files or from the weights' shapes."""

from typing import Any

from glmtts.errors import ReleaseError
from glmtts.flow.dit import FlowConfig
from glmtts.lm.model import LMConfig
from glmtts.official.adapter import Part, flow_name, fold_weight_norm, hift_name, speech_tokenizer_name
from glmtts.official.release import Release
from glmtts.official.weights import Shards, Weights, load_pickle
from glmtts.speech_tokenizer.model import SpeechTokenizerConfig
from glmtts.vocoder.hift import HiFTConfig

HEAD_CHANNELS = 64


def language_model(release: Release) -> Part:
    """The Llama, from its shards."""
    path = release.folder / "llm" / "config.json"
    values = release.json(path)
    _require(values, path, model_type="llama", tie_word_embeddings=True, attention_bias=False, mlp_bias=False)
    config = LMConfig(
        vocab_size=_of(values, "vocab_size", path),
        hidden_size=_of(values, "hidden_size", path),
        num_layers=_of(values, "num_hidden_layers", path),
        num_heads=_of(values, "num_attention_heads", path),
        num_kv_heads=_of(values, "num_key_value_heads", path),
        head_dim=values.get("head_dim") or values["hidden_size"] // values["num_attention_heads"],
        intermediate_size=_of(values, "intermediate_size", path),
        rope_theta=values.get("rope_theta", 10000.0),
        rms_norm_eps=_of(values, "rms_norm_eps", path),
        max_positions=_of(values, "max_position_embeddings", path),
    )
    return Part("lm", "llama", config, Shards(release.shards("llm")), lambda name: name)


def speech_tokenizer(release: Release) -> Part:
    """The Whisper encoder up to its codebook."""
    path = release.folder / "speech_tokenizer" / "config.json"
    values = release.json(path)
    _require(
        values,
        path,
        pooling_kernel_size=2,
        pooling_type="avg",
        encoder_causal_attention=False,
        encoder_causal_convolution=False,
        quantize_causal_encoder=False,
    )
    layers = _of(values, "quantize_position", path)
    config = SpeechTokenizerConfig(
        d_model=_of(values, "d_model", path),
        heads=_of(values, "encoder_attention_heads", path),
        ffn=_of(values, "encoder_ffn_dim", path),
        num_mel_bins=_of(values, "num_mel_bins", path),
        max_positions=_of(values, "max_source_positions", path),
        layers_before=layers,
        codes=_of(values, "quantize_vocab_size", path),
        code_width=None,
        block_frames=_of(values, "quantize_causal_block_size", path),
    )
    weights = Shards(release.shards("speech_tokenizer"))
    return Part("speech_tokenizer", "whisper_vq", config, weights, speech_tokenizer_name(layers))


def flow(release: Release) -> Part:
    """The DiT; its sizes are those of its weights."""
    weights = load_pickle(release.folder / "flow" / "flow.pt")
    shapes = {flow_name(name): shape for name, shape in weights.shapes().items()}
    rows, token_width = _shape(shapes, "text_emb_layer.text_embed.weight", weights)
    n_mels, width = _shape(shapes, "proj_out.weight", weights)
    inner, _ = _shape(shapes, "transformer_blocks.0.ff.ff.0.0.weight", weights)
    _, group, kernel = _shape(shapes, "emb_concator.conv_pos_embed.conv1d.0.weight", weights)
    _, condition = _shape(shapes, "norm_out.linear.weight", weights)
    config = FlowConfig(
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
        prior_width=None,
        pitch_width=None,
        position_kernel=kernel,
        position_groups=width // group,
        rotate_first_head_only=True,
        # the release's mels enter as they are
        mel_mean=0.0,
        mel_std=1.0,
    )
    return Part("flow", "dit", config, weights, flow_name)


def hift(release: Release) -> Part:
    """The 24 kHz vocoder, its weight norms folded."""
    weights = load_pickle(release.folder / "hift" / "hift.pt", fold_weight_norm)
    shapes = {hift_name(name): shape for name, shape in weights.shapes().items()}
    channels, n_mels, _ = _shape(shapes, "conv_pre.weight", weights)
    f0_channels = _shape(shapes, "f0_predictor.condnet.0.weight", weights)[0]
    config = HiFTConfig(n_mels=n_mels, base_channels=channels, f0_channels=f0_channels)
    return Part("vocoder", "hift", config, weights, hift_name)


def _of(values: dict[str, Any], key: str, path: Any) -> Any:
    if key not in values:
        raise ReleaseError(f"{path} lacks `{key}`: it is not the released one. Fetch it again.")
    return values[key]


def _require(values: dict[str, Any], path: Any, **wanted: Any) -> None:
    # a key that the file leaves out has its usual value, and is no difference
    wrong = [
        f"{key} is {values[key]!r}, not {value!r}" for key, value in wanted.items() if values.get(key, value) != value
    ]
    if wrong:
        raise ReleaseError(f"{path} describes another model: {'; '.join(wrong)}. Only the released one is known.")


def _shape(shapes: dict[str, tuple[int, ...]], name: str, weights: Weights) -> tuple[int, ...]:
    if name not in shapes:
        raise ReleaseError(f"{weights.origin} is another model: it lacks {name}. Fetch the release again.")
    return shapes[name]


def _count(shapes: dict[str, tuple[int, ...]], prefix: str) -> int:
    return len({name.removeprefix(prefix).split(".")[0] for name in shapes if name.startswith(prefix)})
