"""A bundle is whole or refused."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from glmtts.bundle import Bundle, save_config, save_module
from glmtts.errors import BundleError
from glmtts.places import EXPORTED_FILE
from glmtts.weights import digest_of, read_tensors, renamed


@pytest.fixture
def copy(tiny_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_folder, tmp_path / "copy"))


@pytest.mark.parametrize("file", ["lm.safetensors", "flow.safetensors", "vocoder.safetensors"])
def test_one_flipped_byte_is_found(copy: Path, file: str) -> None:
    data = bytearray((copy / file).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / file).write_bytes(data)
    with pytest.raises(BundleError, match=f"{file} is corrupt"):
        Bundle.open(copy).network(file.removesuffix(".safetensors"))


def test_corrupt_voice_and_vocabulary_are_found(copy: Path) -> None:
    for name in ("voices/tone.safetensors", "tokenizer.model"):
        (copy / name).write_bytes((copy / name).read_bytes() + b"x")
    with pytest.raises(BundleError, match="tone"):
        Bundle.open(copy).voice_path("tone")
    with pytest.raises(BundleError, match="tokenizer"):
        Bundle.open(copy).frontend()


def test_missing_folder_and_broken_description(tmp_path: Path, copy: Path) -> None:
    with pytest.raises(BundleError, match="no model bundle"):
        Bundle.open(tmp_path / "nothing")
    description = json.loads((copy / "bundle.json").read_text())
    (copy / "bundle.json").write_text(json.dumps({**description, "surprise": 1}))
    with pytest.raises(BundleError, match="surprise"):
        Bundle.open(copy)


def test_module_of_another_shape_is_listed(copy: Path) -> None:
    description = json.loads((copy / "bundle.json").read_text())
    description["modules"]["lm"]["config"]["num_layers"] = 3
    (copy / "bundle.json").write_text(json.dumps(description))
    with pytest.raises(BundleError, match=r"model\.layers\.2"):
        Bundle.open(copy).load_all()


def test_a_language_model_of_another_vocabulary_is_told_before_it_speaks(copy: Path) -> None:
    description = json.loads((copy / "bundle.json").read_text())
    description["modules"]["lm"]["config"]["vocab_size"] = 100
    (copy / "bundle.json").write_text(json.dumps(description))
    with pytest.raises(BundleError, match=r"knows 100 ids and its vocabulary has \d+: they do not fit"):
        _ = Bundle.open(copy).audio_tokens


def test_matrices_of_bytes_are_read_as_what_they_were(copy: Path) -> None:
    bundle = Bundle.open(copy)
    vocoder, entry = bundle.network("vocoder"), bundle.config.modules["vocoder"]
    halves = (copy / entry.file).stat().st_size
    entry = save_module(copy, "vocoder", entry.architecture, vocoder, entry.parsed(), matrices_in_bytes=True)
    save_config(copy, bundle.config.model_copy(update={"modules": bundle.config.modules | {"vocoder": entry}}))
    assert (copy / entry.file).stat().st_size < 0.8 * halves
    read = Bundle.open(copy).network("vocoder").state_dict()
    for name, value in vocoder.state_dict().items():
        largest = value.flatten(1).abs().amax(1) if value.ndim > 1 else value.abs()
        step = largest / 127 if value.ndim > 1 else largest / 1000
        difference = (read[name] - value).abs().flatten(1).amax(1) if value.ndim > 1 else (read[name] - value).abs()
        assert (difference <= 0.51 * step + 1e-7).all(), name


@pytest.mark.parametrize("scales", [None, torch.ones(2), torch.ones(3, 1)])
def test_bytes_without_a_scale_for_each_row_are_refused(tmp_path: Path, scales: torch.Tensor | None) -> None:
    given = {"x": torch.ones(3, 4, dtype=torch.int8)} | ({} if scales is None else {"x.scale": scales})
    save_file(given, tmp_path / "x.safetensors")
    with pytest.raises(BundleError, match="no scale for each row of x"):
        read_tensors(tmp_path / "x.safetensors", keep_bfloat16=False)


def test_modules_are_loaded_once_and_only_when_asked(tiny_folder: Path) -> None:
    bundle = Bundle.open(tiny_folder)
    assert bundle.lm is bundle.lm
    assert set(bundle._modules) == {"lm"}
    assert bundle.lm.model.norm.weight.dtype == torch.float32


def test_what_is_loaded_while_speaking_can_be_adapted_through(tiny_folder: Path) -> None:
    """On another device than the CPU, for which "meta" stands in, parameters are made anew."""
    bundle = Bundle.open(tiny_folder, torch.device("meta"))
    with torch.inference_mode():
        flow = bundle.flow
    assert not any(parameter.is_inference() for parameter in flow.parameters())


def test_digest_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert digest_of(tmp_path / "a").startswith("ba7816bf")


def test_a_tensor_by_two_names_is_refused() -> None:
    tensors = {"enter.weight": torch.zeros(1), "in_proj.weight": torch.ones(1)}
    assert list(renamed({"enter.weight": torch.zeros(1)}, {"^enter": "in_proj"})) == ["in_proj.weight"]
    with pytest.raises(BundleError, match=r"holds in_proj\.weight by two names"):
        renamed(tensors, {"^enter": "in_proj"})


def test_an_exported_model_is_told_from_no_model(tmp_path: Path) -> None:
    (tmp_path / EXPORTED_FILE).write_text("{}")
    with pytest.raises(BundleError, match=r"was exported for ONNX Runtime.*Give the bundle that it was made of"):
        Bundle.open(tmp_path)
