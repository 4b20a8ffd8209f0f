"""Bundles and voices from strangers: one sentence each, and no memory for what they only claim."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import glmtts
from glmtts.bundle import Bundle
from glmtts.errors import BundleError, VoiceError
from glmtts.synthesis.voice import Voice
from glmtts.weights import digest_of


@pytest.fixture
def copy(tiny_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_folder, tmp_path / "copy"))


def described(copy: Path) -> dict:
    return json.loads((copy / "bundle.json").read_text())


def test_weights_that_are_not_numbers(copy: Path) -> None:
    weights = load_file(copy / "lm.safetensors")
    weights["model.norm.weight"][3] = float("nan")
    save_file(weights, copy / "lm.safetensors")
    description = described(copy)
    description["modules"]["lm"]["sha256"] = digest_of(copy / "lm.safetensors")
    (copy / "bundle.json").write_text(json.dumps(description))
    with pytest.raises(BundleError, match=r"model\.norm\.weight that are not numbers"):
        Bundle.open(copy).load_all()


def test_a_size_that_the_file_does_not_have_costs_no_memory(copy: Path) -> None:
    description = described(copy)
    description["modules"]["lm"]["config"]["vocab_size"] = 10**6
    description["modules"]["lm"]["config"]["intermediate_size"] = 10**6
    (copy / "bundle.json").write_text(json.dumps(description))
    with pytest.raises(BundleError, match=r"misshapen: .*embed_tokens"):
        Bundle.open(copy).load_all()


@pytest.mark.parametrize("name", ["../lm.safetensors", "/etc/passwd"])
def test_files_outside_the_folder(copy: Path, name: str) -> None:
    description = described(copy)
    description["modules"]["lm"]["file"] = name
    (copy / "bundle.json").write_text(json.dumps(description))
    with pytest.raises(BundleError, match="outside its folder"):
        Bundle.open(copy).load_all()


def test_a_description_nested_without_end(copy: Path) -> None:
    (copy / "bundle.json").write_text("[" * 100_000 + "]" * 100_000)
    with pytest.raises(BundleError, match="corrupt"):
        Bundle.open(copy)


@pytest.mark.parametrize(
    "change",
    [
        {"mel": torch.full((80, 8), float("nan"))},
        {"mel": torch.zeros(80, 7)},
        {"mel": torch.zeros(80)},
        {"embedding": torch.zeros(2, 192)},
        {"f0": torch.tensor([120.0, 130.0])},
        {"f0": torch.tensor(0.0)},
        {"tokens": torch.full((4,), -1)},
    ],
    ids=["nan", "frames of no token", "no mel", "two embeddings", "two F0", "no F0", "negative tokens"],
)
def test_a_voice_that_is_none(tmp_path: Path, change: dict[str, torch.Tensor]) -> None:
    tokens = torch.zeros(4, dtype=torch.long)
    path = tmp_path / "voice.safetensors"
    Voice("Hello.", tokens, torch.zeros(80, 8), torch.zeros(192), torch.tensor(120.0)).save(path)
    save_file({**load_file(path), **change}, path)
    with pytest.raises(VoiceError, match="not a saved voice"):
        Voice.load(path)


def test_a_voice_that_cannot_be_written(tmp_path: Path) -> None:
    voice = Voice("", torch.zeros(0, dtype=torch.long), torch.zeros(80, 0), torch.zeros(192), torch.tensor(120.0))
    with pytest.raises(VoiceError, match="cannot be written"):
        voice.save(tmp_path / "no such folder" / "voice.safetensors")


@pytest.mark.parametrize(
    "change",
    [
        {"embedding": torch.zeros(3)},
        {"tokens": torch.full((4,), 10**6, dtype=torch.int32)},
        {"mel": torch.zeros(3, 8)},
    ],
    ids=["embedding", "tokens", "mel"],
)
def test_a_voice_of_another_models_sizes(tiny_folder: Path, tmp_path: Path, change: dict[str, torch.Tensor]) -> None:
    tts = glmtts.load(tiny_folder)
    path = tmp_path / "voice.safetensors"
    tts.voice().save(path)
    save_file({**load_file(path), **change}, path)
    with pytest.raises(VoiceError, match="Make it again"):
        tts.voice(path)
