"""The files of an exported model: links, what is missing, what was changed, what makes no sense; each in a sentence."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from glmtts.errors import BundleError
from glmtts.onnx.bundle import OnnxBundle
from glmtts.onnx.synthesizer import OnnxSynthesizer


@pytest.fixture
def copied(exported_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported_folder, tmp_path / "model"))


def opened(folder: Path) -> OnnxBundle:
    bundle = OnnxBundle.open(folder, threads=1)
    bundle.load_all()
    return bundle


def describe(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what `onnx.json` says."""
    path = folder / "onnx.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    change(values)
    path.write_text(json.dumps(values), encoding="utf-8")


def test_a_folder_of_links_speaks_as_the_files_do(exported_folder: Path, copied: Path, tmp_path: Path) -> None:
    """As the cache of the Hub is, where each file links to one of another name in another folder."""
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    for number, path in enumerate(sorted(path for path in copied.rglob("*") if path.is_file())):
        path.rename(blobs / str(number))
        path.symlink_to(blobs / str(number))
    with OnnxSynthesizer(opened(copied)) as linked, OnnxSynthesizer(opened(exported_folder)) as plain:
        assert np.array_equal(linked.say("Good morning.").samples, plain.say("Good morning.").samples)


def test_a_link_to_nothing_is_told_where_the_model_needs_it(copied: Path, tmp_path: Path) -> None:
    (copied / "notes.txt").symlink_to(tmp_path / "nowhere")
    OnnxBundle.open(copied)
    (copied / "vocoder.onnx").unlink()
    (copied / "vocoder.onnx").symlink_to(tmp_path / "nowhere")
    with pytest.raises(BundleError, match=r"vocoder\.onnx is a link to a file that is not there\. Copy the model"):
        _ = OnnxBundle.open(copied).vocoder


def test_what_is_missing_is_told_from_what_is_not_listed(copied: Path) -> None:
    describe(copied, lambda values: values["files"].pop("flow_inputs.onnx"))
    with pytest.raises(BundleError, match=r"onnx\.json does not list the file flow_inputs\.onnx\. Export"):
        _ = OnnxBundle.open(copied).flow
    (copied / "vocoder.onnx").unlink()
    with pytest.raises(BundleError, match=r"lacks the file .*vocoder\.onnx\. Copy or export it again"):
        _ = OnnxBundle.open(copied).vocoder


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        (None, "token_rate", 0),
        (None, "token_rate", -25.0),
        (None, "reads", -1),
        (None, "tokenizer_mels", 0),
        ("mel", "hop_length", 0),
        ("mel", "sample_rate", -1),
        ("lm", "choices", 1),
        ("lm", "num_heads", 0),
        ("lm", "max_positions", -1),
        ("flow", "n_mels", 0),
        ("flow", "frames_per_token", 0),
        ("flow", "mel_std", 0),
        ("flow", "prior", -5),
        ("flow", "adaptation", [0, 3]),
        ("istft", "n_fft", -3),
        ("istft", "hop_length", 0),
        ("istft", "hop_length", 7),
        ("istft", "n_fft", 10**12),
        ("mel", "sample_rate", 10**400),
        ("mel", "n_fft", 100),
        ("mel", "n_mels", 81),
        ("lm", "max_positions", 10**12),
        ("flow", "adaptation", [10**9, 3]),
        ("speaker_prompts", "anna", [5, 10**6]),
        (None, "look_ahead", 10**12),
        ("synthesis", "drafts", [{"candidates": 1, "max_nll": -1}]),
    ],
)
def test_sizes_that_nothing_can_have_are_refused(copied: Path, section: str | None, key: str, value: object) -> None:
    def change(values: dict[str, Any]) -> None:
        (values if section is None else values[section])[key] = value

    describe(copied, change)
    with pytest.raises(BundleError, match=rf"corrupt: .*{key}.*again\."), OnnxSynthesizer(OnnxBundle.open(copied)):
        pass


@pytest.mark.parametrize(
    ("section", "key", "value", "stage"),
    [
        ("lm", "head_dim", 32, "lm"),
        ("lm", "num_layers", 3, "lm"),
        ("lm", "choices", 12, "vocabulary"),
        ("flow", "prior", 3, "flow_velocity"),
        ("flow", "adaptation", None, "flow_inputs"),
        ("istft", "source", True, "vocoder"),
        (None, "tokenizer_mels", 40, "speech_tokenizer"),
    ],
)
def test_sizes_that_the_graphs_do_not_have_are_refused(
    copied: Path, section: str | None, key: str, value: object, stage: str
) -> None:
    def change(values: dict[str, Any]) -> None:
        (values if section is None else values[section])[key] = value
        values["files"]["vocoder_pitch.onnx"] = values["files"]["vocoder.onnx"]

    shutil.copyfile(copied / "vocoder.onnx", copied / "vocoder_pitch.onnx")
    describe(copied, change)
    with pytest.raises(BundleError, match=rf"{stage}.* Export the model again\."):
        opened(copied)


def test_graphs_that_changed_places_are_refused(copied: Path) -> None:
    names = ("flow_inputs.onnx", "recogniser.onnx")
    (copied / names[0]).rename(copied / "between")
    (copied / names[1]).rename(copied / names[0])
    (copied / "between").rename(copied / names[1])
    describe(copied, lambda values: values["files"].update({a: values["files"][b] for a, b in (names, names[::-1])}))
    for stage, name in zip(("flow", "recogniser"), names, strict=True):
        with pytest.raises(BundleError, match=rf"{name} is not the graph that onnx\.json describes: .*Export"):
            getattr(OnnxBundle.open(copied, threads=1), stage)


def test_what_a_graph_cannot_compute_is_one_sentence(copied: Path) -> None:
    describe(copied, lambda values: values.update(reads=10_000))
    recogniser = OnnxBundle.open(copied, threads=1).recogniser
    assert recogniser is not None
    with pytest.raises(BundleError, match=r"^ONNX Runtime [\d.]+ cannot compute with this model: .*Export or pack"):
        recogniser.log_probs(np.zeros((1, 5), np.int64), start=5000)


def test_parts_that_keep_another_time_are_refused(copied: Path) -> None:
    describe(copied, lambda values: values.update(token_rate=12.5))
    with pytest.raises(BundleError, match=r"12\.5 tokens a second"):
        OnnxBundle.open(copied)


def rewritten(folder: Path, change: Callable[[dict[str, np.ndarray]], object]) -> None:
    """Change the tensors of the language model, as if they had been exported so."""
    path = folder / "lm.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    describe(folder, lambda values: values["files"].update({"lm.safetensors": digest}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tensors: tensors.pop("embedding"), "holds no embedding of a language model"),
        (
            lambda tensors: tensors.update(embedding=tensors["embedding"][:-1]),
            "embedding of another size",
        ),
        (lambda tensors: tensors.update(more=np.zeros(3)), "a tensor is of the type F64, which is not read here"),
        (lambda tensors: tensors.update({"embedding.scales": np.ones(3, np.float32)}), "holds no embedding"),
        (
            lambda tensors: tensors.update({"embedding.codes": tensors.pop("embedding").astype(np.int8)}),
            "holds no embedding",
        ),
        (lambda tensors: tensors.update(embedding=tensors["embedding"][0]), "holds no embedding"),
        (lambda tensors: tensors.update(embedding=tensors["embedding"][:0]), "holds no embedding"),
    ],
)
def test_weights_of_another_model_are_refused(copied: Path, change: Callable[[dict], object], said: str) -> None:
    rewritten(copied, change)
    with pytest.raises(BundleError, match=rf"{said}.*xport it again\.|{said}.*export the model again\."):
        _ = OnnxBundle.open(copied, threads=1).lm


def test_a_graph_that_does_not_run_says_what_to_do(copied: Path) -> None:
    (copied / "vocoder.onnx").write_bytes(b"no graph")
    digest = hashlib.sha256(b"no graph").hexdigest()
    describe(copied, lambda values: values["files"].update({"vocoder.onnx": digest}))
    with pytest.raises(BundleError, match=r"^ONNX Runtime [\d.]+ cannot run this model: .*[^.]\. Install a newer ONNX"):
        _ = OnnxBundle.open(copied, threads=1).vocoder
