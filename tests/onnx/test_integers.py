"""An export with eight bits: flow, vocoder and judge multiply in integers, and stay close to what they were."""

import logging
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from glmtts.errors import BundleError
from glmtts.onnx.bundle import OnnxBundle
from glmtts.onnx.export import ROUNDED_STAGES, export
from glmtts.stages import Solver
from tests.tiny import CODES


@pytest.fixture(scope="module")
def rounded_folder(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rounded") / "tiny"
    export(tiny_folder, folder, 8)
    return folder


@pytest.fixture
def rounded(rounded_folder: Path) -> OnnxBundle:
    return OnnxBundle.open(rounded_folder, threads=1)


def test_what_hears_recordings_stays_as_it_was(exported_folder: Path, rounded_folder: Path) -> None:
    """A voice that was cloned without the bits is the same with them."""
    for path in exported_folder.glob("*.onnx"):
        same = path.read_bytes() == (rounded_folder / path.name).read_bytes()
        assert same == (path.name in ("speech_tokenizer.onnx", "speaker.onnx")), path.name
    assert (exported_folder / "speech_tokenizer.onnx").exists()


@pytest.mark.parametrize("stage", ["flow_inputs", "flow_velocity", "vocoder", "recogniser"])
def test_weights_of_matrices_are_integers_and_no_others(rounded_folder: Path, stage: str) -> None:
    assert stage.startswith(ROUNDED_STAGES)
    graph = onnx.load(rounded_folder / f"{stage}.onnx").graph
    kinds = {one.name: one.data_type for one in graph.initializer}
    whole = [node for node in graph.node if node.op_type == "MatMulInteger"]
    assert whole and all(kinds[node.input[1]] == onnx.TensorProto.INT8 for node in whole)
    assert not [node for node in graph.node if node.op_type in ("MatMul", "Gemm") and node.input[1] in kinds]
    assert not [node for node in graph.node if node.op_type == "ConvInteger"]


def test_the_judge_and_the_flow_stay_close(exported: OnnxBundle, rounded: OnnxBundle) -> None:
    tokens = np.random.default_rng(1).integers(0, CODES, (2, 11))
    assert exported.recogniser is not None and rounded.recogniser is not None
    _alike(exported.recogniser.log_probs(tokens), rounded.recogniser.log_probs(tokens))
    noise, solver = exported.noise(4, 22), Solver(steps=3, guidance=0.7, t_start=0.2, temperature=0.8)
    mels = [one.flow.sample(one.voice("tone"), tokens[0], noise, solver)[0] for one in (exported, rounded)]
    _alike(*mels)


def test_the_vocoder_stays_close(exported: OnnxBundle, rounded: OnnxBundle) -> None:
    mel = np.random.default_rng(0).normal(-5, 1, (80, 37)).astype(np.float32)
    _alike(exported.vocoder(mel), rounded.vocoder(mel))


def test_the_root_logger_speaks_again_afterwards(rounded_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    logging.warning("still there")
    assert [record.message for record in caplog.records] == ["still there"]


def _alike(whole: np.ndarray, rounded: np.ndarray) -> None:
    assert np.corrcoef(whole.ravel(), rounded.ravel())[0, 1] > 0.99
    assert (whole != rounded).any()


def test_a_missing_package_is_said_before_anything_is_written(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(BundleError, match="needs the package onnxruntime"):
        export(tiny_folder, tmp_path / "out", 8)
    assert not list(tmp_path.iterdir())
