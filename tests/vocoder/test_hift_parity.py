"""HiFT computes what the released vocoder computes."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from glmtts.official.adapter import fold_weight_norm
from glmtts.vocoder.hift import HiFT, HiFTConfig
from tests.parity import filled


@pytest.fixture(scope="module")
def fixture(parity: Path) -> dict[str, Tensor]:
    return load_file(parity / "hift.safetensors")


@pytest.fixture(scope="module")
def released(parity: Path) -> HiFT:
    keys = json.loads((parity / "hift.json").read_text())["keys"]
    model = HiFT(HiFTConfig())
    model.load_state_dict(fold_weight_norm(filled(keys)))
    return model.eval()


@torch.inference_mode()
def test_wave_of_a_mel(released: HiFT, fixture: dict[str, Tensor]) -> None:
    torch.testing.assert_close(released.f0_predictor(fixture["mel"]), fixture["f0"], atol=1e-3, rtol=0)
    torch.testing.assert_close(released(fixture["mel"], noise=False), fixture["wav"], atol=1e-3, rtol=0)


@torch.inference_mode()
def test_wave_of_a_given_pitch(released: HiFT, fixture: dict[str, Tensor]) -> None:
    source = released.m_source(fixture["f0_given"], noise=False)
    torch.testing.assert_close(source, fixture["source_given"], atol=1e-3, rtol=0)
    wave = released.decode(fixture["mel"], fixture["source_given"])
    torch.testing.assert_close(wave, fixture["wav_given"], atol=1e-3, rtol=0)
    torch.testing.assert_close(released.decode(fixture["mel"], source), fixture["wav_given"], atol=1e-3, rtol=0)


@torch.inference_mode()
def test_noise_is_the_same_every_time(released: HiFT, fixture: dict[str, Tensor]) -> None:
    first, second = released(fixture["mel"]), released(fixture["mel"])
    assert torch.equal(first, second)
    assert not torch.equal(first, released(fixture["mel"], noise=False))
