"""Packed weights: what they stand for, decoding with them, and bundles that hold them."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

import glmtts
from glmtts.bundle import Bundle, save_config
from glmtts.cli import app
from glmtts.errors import BundleError, ConfigError
from glmtts.lm.config import LMConfig
from glmtts.lm.model import Llama
from glmtts.lm.quantised.config import QuantisedLMConfig, matrices
from glmtts.lm.quantised.model import QuantisedLlama
from glmtts.lm.quantised.pack import packed
from glmtts.lm.quantised.packing import quantised, restored
from glmtts.onnx.config import DecoderConfig
from glmtts.ort import kernels
from glmtts.ort.llama import llama_graph
from glmtts.quantise import agreement, quantise
from glmtts.synthesis.voice import Voice
from glmtts.text.audio_tokens import AudioTokens
from glmtts.weights import digest_of

LAYOUT = AudioTokens(first=20, count=30, begin=2, end=1, padding=0)


@pytest.fixture(scope="module")
def plain() -> Llama:
    torch.manual_seed(0)
    config = LMConfig(
        vocab_size=60, hidden_size=64, num_layers=2, num_heads=4, num_kv_heads=2, head_dim=16, intermediate_size=96
    )
    model = Llama(config).eval().requires_grad_(False)
    model.reset_parameters()
    return model


@pytest.mark.parametrize(("bits", "error"), [(8, 0.01), (4, 0.13)])
def test_packed_weights_stand_for_the_matrix(bits: int, error: float) -> None:
    weight = torch.randn(40, 96)
    weight[3] = 0
    codes, scales = quantised(weight, bits)
    assert codes.shape == (40, 3, 32 * bits // 8)
    again = restored(codes, scales, bits)
    assert (again - weight).square().mean().sqrt() < error
    assert torch.equal(again[3], torch.zeros(96))
    with pytest.raises(ValueError, match="blocks of 32"):
        quantised(torch.randn(4, 40), bits)


def opened(plain: Llama, folder: Path, bits: int, block: int = 32) -> QuantisedLlama:
    """A packed model, written and read again."""
    config, weights = packed(plain, LAYOUT, bits, block)
    save_file({name: value.contiguous() for name, value in weights.items()}, folder / "lm.safetensors")
    return QuantisedLlama.open(folder / "lm.safetensors", config)


@pytest.mark.parametrize(("bits", "block"), [(8, 32), (4, 32), (4, 16)])
def test_decoding_is_that_of_the_restored_weights(plain: Llama, tmp_path: Path, bits: int, block: int) -> None:
    """A plain model with what the packed weights stand for gives the same logits, but for activations of 8 bits."""
    model, same = opened(plain, tmp_path, bits, block), Llama(plain.config).eval()
    weights = load_file(tmp_path / "lm.safetensors")
    whole = {
        name: restored(weights[f"{name}.packed"], weights[f"{name}.scales"], model.config.bits_of(name))
        for name in matrices(model.config)
    }
    embedding = weights["embedding.codes"] * weights["embedding.scales"][:, None]
    same.load_state_dict(plain.state_dict())
    same.model.embed_tokens.weight.data = embedding
    for number, layer in enumerate(same.model.layers):
        qkv = whole[f"{number}.qkv"].split([64, 32, 32])
        for part, weight in zip("qkv", qkv, strict=True):
            getattr(layer.self_attn, f"{part}_proj").weight.data = weight
        layer.self_attn.o_proj.weight.data = whole[f"{number}.o"]
        layer.mlp.gate_proj.weight.data, layer.mlp.up_proj.weight.data = whole[f"{number}.gate_up"].chunk(2)
        layer.mlp.down_proj.weight.data = whole[f"{number}.down"]
    prompt, state = [3, 4, 5, 6, 7], model.new_state(LAYOUT)
    model.prefill(state, prompt, 1)
    logits = model.step(state, [4])
    with torch.inference_mode():
        wanted = same.hidden(torch.tensor([[*prompt, LAYOUT.first + 4]]))[0, -1] @ whole["head"].T
    assert (logits[0] - wanted).abs().max() < 0.03 * wanted.abs().max()


@torch.inference_mode()
def test_rows_decode_together_as_alone_and_follow_the_plain_model(plain: Llama, tmp_path: Path) -> None:
    """Rows of other prompts and lengths join, leave and change places; each gets the logits that it gets alone."""
    model = opened(plain, tmp_path, 8)
    prompts = [[3, 4, 5, 6, 7], [8, 9], [3, 3, 3]]

    def alone(one: QuantisedLlama | Llama, prompt: list[int], codes: list[int]) -> torch.Tensor:
        state = one.new_state(LAYOUT)
        logits = one.prefill(state, prompt, 1)
        for code in codes:
            logits = one.step(state, [code])
        return logits[0]

    state = model.new_state(LAYOUT)
    model.prefill(state, prompts[0], 2)
    model.step(state, [4, 5])
    model.prefill(state, prompts[1], 1)
    model.reorder(state, [2, 0])
    together = model.step(state, [7, 6])
    for row, (prompt, codes) in enumerate([(prompts[1], [7]), (prompts[0], [4, 6])]):
        torch.testing.assert_close(together[row], alone(model, prompt, codes), atol=1e-4, rtol=1e-3)
        near = torch.nn.functional.cosine_similarity(together[row], alone(plain, prompt, codes), dim=0)
        assert near > 0.99


def test_a_long_text_outgrows_the_first_buffers(plain: Llama, tmp_path: Path) -> None:
    """Keys and values move to larger buffers, and what was read before still counts."""
    model = opened(plain, tmp_path, 8)
    prompt = [3 + number % 50 for number in range(300)]
    one, other = model.new_state(LAYOUT), model.new_state(LAYOUT)
    model.prefill(one, prompt[:250], 1)
    for token in prompt[250:]:
        logits = model.step(one, [token - LAYOUT.first])
    torch.testing.assert_close(logits, model.prefill(other, prompt, 1), atol=1e-4, rtol=1e-3)


def test_the_kernel_is_measured_once_and_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    level = kernels.accuracy_level(4, 32, 1)
    (key,) = json.loads((tmp_path / "glm-tts" / "kernels.json").read_text())
    other = {kernels.ROUNDED: kernels.EXACT, kernels.EXACT: kernels.ROUNDED}[level]
    (tmp_path / "glm-tts" / "kernels.json").write_text(json.dumps({key: other}))
    assert kernels.accuracy_level(4, 32, 1) == other, "what is written there is believed"
    (tmp_path / "glm-tts" / "kernels.json").write_text("not JSON")
    assert kernels.accuracy_level(4, 32, 1) in (kernels.ROUNDED, kernels.EXACT)


@pytest.mark.parametrize("width", [8, 24])
def test_heads_that_onnx_runtime_does_not_turn_are_told_before_anything_is_written(width: int) -> None:
    sizes = {"num_heads": 4, "num_kv_heads": 2, "intermediate_size": 64, "num_layers": 1}
    model = Llama(LMConfig(vocab_size=60, hidden_size=64, head_dim=width, **sizes))
    with pytest.raises(
        BundleError, match=rf"heads of {width} channels, and ONNX Runtime takes multiples of 16\. Speak"
    ):
        packed(model, LAYOUT, 8, 32)
    config = DecoderConfig(vocab_size=60, hidden_size=64, head_dim=width, choices=31, **sizes)
    with pytest.raises(BundleError, match=r"multiples of 16"):
        llama_graph(config, {}, "lm.safetensors", kernels.ROUNDED)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"num_layers": 0}, "num_layers: Input should be greater than or equal to 1"),
        ({"hidden_size": -64}, "hidden_size: Input should be greater"),
        ({"max_positions": 10**12}, "max_positions: Input should be less"),
        ({"hidden_size": 16}, "no whole blocks of 32"),
    ],
)
def test_sizes_that_no_packed_model_has_are_refused(plain: Llama, change: dict[str, int], said: str) -> None:
    sizes = {**plain.config.model_dump(), "bits": 8, "choices": 31, **change}
    with pytest.raises(ConfigError, match=said):
        QuantisedLMConfig.parse(sizes)


def test_a_voice_may_be_called_as_the_file_of_the_language_model(tiny_folder: Path, tmp_path: Path) -> None:
    source = Path(shutil.copytree(tiny_folder, tmp_path / "source"))
    shutil.copyfile(source / "voices/tone.safetensors", source / "voices/lm.safetensors")
    values = json.loads((source / "bundle.json").read_text())
    values["voices"]["lm"] = {**values["voices"]["tone"], "file": "voices/lm.safetensors"}
    # in a folder of its own, from which it is not copied beside the packed one
    (source / "weights").mkdir()
    (source / "lm.safetensors").rename(source / "weights/language [model].safetensors")
    values["modules"]["lm"]["file"] = "weights/language [model].safetensors"
    (source / "bundle.json").write_text(json.dumps(values))
    out = quantise(source, source / "packed/here", 8)
    assert Voice.load(out.voice_path("lm")).mel.shape[0] == 80
    assert sorted(path.name for path in out.folder.rglob("l*")) == ["lm.safetensors", "lm.safetensors"]
    assert not list((out.folder / "packed").iterdir())
    with pytest.raises(BundleError, match="no plain Llama: it cannot be packed"):
        quantise(out.folder, tmp_path / "twice", 8)


def test_a_packed_bundle_speaks_and_agrees(tmp_path: Path) -> None:
    out = quantise(None, tmp_path / "packed", 8)
    whole = Bundle.open(None)
    sizes = [(folder / "lm.safetensors").stat().st_size for folder in (out.folder, whole.folder)]
    assert sizes[0] < 0.65 * sizes[1], "half of float16, and the scales"
    assert agreement(whole, out) >= 0.95
    tts = glmtts.load(tmp_path / "packed")
    assert 0.5 < tts.say("Good morning.").seconds < 3
    with pytest.raises(BundleError, match="cannot be trained"):
        out.network("lm")
    with pytest.raises(BundleError, match="there already"):
        quantise(None, tmp_path / "packed", 8)


def test_what_cannot_be_packed_or_read_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["quantise", str(tmp_path / "x"), "--bits", "3"])
    assert "Choose --bits 8 or 4" in str(result.exception)
    bundle = quantise(None, tmp_path / "packed", 4)
    file = tmp_path / "packed" / "lm.safetensors"
    good = load_file(file)
    for name, change in (
        ("head.scales", lambda value: value * torch.nan),
        ("0.o.packed", lambda value: value[:-1]),
        ("1.o.packed", lambda value: value.view(torch.int8)),
        ("norm.final", lambda value: value.half()),
        ("0.qkv.scales", lambda value: value.half()),
    ):
        folder = Path(shutil.copytree(tmp_path / "packed", tmp_path / name))
        save_file({**good, name: change(good[name]).contiguous()}, folder / "lm.safetensors")
        entry = bundle.config.modules["lm"].model_copy(update={"sha256": digest_of(folder / "lm.safetensors")})
        save_config(folder, bundle.config.model_copy(update={"modules": {**bundle.config.modules, "lm": entry}}))
        with pytest.raises(
            BundleError, match="not numbers" if name == "head.scales" else rf"of another type: .*{name}"
        ):
            _ = Bundle.open(folder).lm
