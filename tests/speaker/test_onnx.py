"""The ONNX speaker encoder computes what ours does from the same weights."""

from pathlib import Path

import onnx
import pytest
import torch

from glmtts.errors import BundleError
from glmtts.speaker.campplus import CampPlus, CampPlusConfig
from glmtts.speaker.onnx import OnnxSpeaker, OnnxSpeakerConfig


def test_an_exported_campplus_agrees(tmp_path: Path) -> None:
    model = CampPlus(CampPlusConfig(layers=(1, 1, 1))).eval()
    for buffer in model.buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 1.5)
    frames = torch.export.Dim("frames", min=100, max=3000)
    program = torch.onnx.export(
        model, (torch.randn(1, 231, 80),), dynamo=True, dynamic_shapes=({1: frames},), verbose=False
    )
    onnx.save(program.model_proto, str(tmp_path / "campplus.onnx"))
    exported = OnnxSpeaker.open(tmp_path / "campplus.onnx", OnnxSpeakerConfig())
    samples = torch.sin(torch.arange(32000) * 0.1) * 0.3 + 0.01 * torch.randn(32000)
    torch.testing.assert_close(exported.embed(samples), model.embed(samples), atol=1e-5, rtol=0)


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"nonsense")
    with pytest.raises(BundleError, match="no ONNX model"):
        OnnxSpeaker.open(tmp_path / "broken.onnx", OnnxSpeakerConfig())
