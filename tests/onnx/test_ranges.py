"""Keys and values of eight bits: close to float32, by scales from the bundle's voices, and not with an old runtime."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from glmtts.bundle import CONFIG_FILE, Bundle
from glmtts.errors import BundleError
from glmtts.onnx import export as exporting
from glmtts.onnx.bundle import OnnxBundle
from glmtts.onnx.export import export
from glmtts.onnx.ranges import scales_of, spoken
from glmtts.ort import decoder as decoding
from glmtts.ort import runtime as running

needs_kernels = pytest.mark.skipif(
    not running.bytes_for_cache(), reason="this ONNX Runtime keeps keys and values in float32"
)


def exported_to(folder: Path, source: Path) -> OnnxBundle:
    export(source, folder, 8)
    return OnnxBundle.open(folder, threads=1)


def kept(bundle: OnnxBundle) -> set[str]:
    """How the language model keeps keys and values."""
    return {one.type for one in bundle.lm.decoder.session.get_inputs() if one.name.startswith("past")}


def decoded(bundle: OnnxBundle, ids: list[int]) -> np.ndarray:
    """Logits (N, C) of two rows that read a prompt, go on, change places and go on."""
    lm = bundle.lm
    state = lm.new_state(bundle.audio_tokens)
    found = [lm.prefill(state, ids[:12], 2)]
    for place, code in enumerate(range(1, 7)):
        if place == 3:
            lm.reorder(state, [1, 0, 0])
        found.append(lm.step(state, [code + row for row in range(len(state.rows.lengths))]))
    return np.concatenate(found)


@needs_kernels
def test_keys_and_values_have_eight_bits_and_stay_close(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bytes_kept = exported_to(tmp_path / "bytes", tiny_folder)
    with monkeypatch.context() as patched:
        patched.setattr(exporting, "bytes_for_cache", lambda: False)
        floats_kept = exported_to(tmp_path / "floats", tiny_folder)
    assert (kept(bytes_kept), kept(floats_kept)) == ({"tensor(int8)"}, {"tensor(float)"})
    ids = next(spoken(Bundle.open(tiny_folder)))
    near, far = decoded(bytes_kept, ids), decoded(floats_kept, ids)
    assert 0 < np.abs(near - far).mean() < 0.02 * far.std()


def test_scales_reach_beyond_what_the_voices_say(tiny_folder: Path, exported: OnnxBundle) -> None:
    decoder, prompts = exported.lm.decoder, list(spoken(Bundle.open(tiny_folder)))
    scales = scales_of(decoder, prompts)
    state = decoding.DecoderState()
    decoder.prefill(state, prompts[0], 1)
    for buffer, scale in zip(state.buffers, scales.values(), strict=True):
        assert scale.shape == (buffer.shape[1], 1, buffer.shape[3])
        assert np.abs(buffer[0, :, : len(prompts[0])] / scale).max() < 127 / 1.5


def test_without_voices_they_stay_as_they_are(tiny_folder: Path, tmp_path: Path) -> None:
    mute = tmp_path / "mute"
    shutil.copytree(tiny_folder, mute)
    described = json.loads((mute / CONFIG_FILE).read_text(encoding="utf-8"))
    (mute / CONFIG_FILE).write_text(json.dumps(described | {"voices": {}}), encoding="utf-8")
    assert kept(exported_to(tmp_path / "out", mute)) == {"tensor(float)"}


@needs_kernels
def test_a_runtime_that_is_too_old_is_told(tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = exported_to(tmp_path / "out", tiny_folder)
    monkeypatch.setattr(decoding, "bytes_for_cache", lambda: False)
    with pytest.raises(BundleError, match=r"too old. Upgrade it \(pip install .*\), or export the model again"):
        _ = bundle.lm


@pytest.mark.parametrize(
    ("version", "can"),
    [("1.22.0", False), ("1.29.1", False), ("1.30.0", True), ("1.32.0.dev20261101", True), ("2.0", True)],
)
def test_the_kernels_are_there_since_a_version(version: str, can: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running.runtime(), "__version__", version)
    assert running.bytes_for_cache() == can
