"""CAM++: shapes, names, masks, errors."""

import pytest
import torch

from glmtts.audio.fbank import kaldi_fbank
from glmtts.bundle import Bundle
from glmtts.errors import AudioError
from glmtts.speaker.campplus import CampPlus, CampPlusConfig


def test_size_and_names_are_those_of_the_open_weights() -> None:
    model = CampPlus(CampPlusConfig())
    state = model.state_dict()
    assert round(sum(parameter.numel() for parameter in model.parameters()) / 1e6, 2) == 6.85
    assert state["xvector.block2.tdnnd24.cam_layer.linear_local.weight"].shape == (32, 128, 3)
    assert state["xvector.dense.linear.weight"].shape == (192, 1024, 1)
    assert "xvector.dense.nonlinear.batchnorm.weight" not in state


def test_embedding_has_length_one_and_hears_a_difference() -> None:
    model = CampPlus(CampPlusConfig(layers=(1, 1, 1))).eval()
    low, high = (torch.sin(torch.arange(32000) * f) * 0.3 + 0.01 * torch.randn(32000) for f in (0.1, 0.9))
    a, b = model.embed(low), model.embed(high)
    assert a.shape == (192,)
    assert a.norm() == pytest.approx(1, abs=1e-5)
    assert a @ b < 0.999


def test_too_short_is_refused() -> None:
    with pytest.raises(AudioError, match="too short"):
        CampPlus(CampPlusConfig(layers=(1, 1, 1))).embed(torch.zeros(1000))


def test_open_weights_give_the_reference_output() -> None:
    """Values of the original implementation for the same signal; it clips them at zero, ours does not."""
    reference = torch.tensor([0.0, 0.0, 0.1402, 0.0, 0.0, 0.8411, 0.0, 0.0])
    seconds = torch.arange(24000) / 16000
    swell = 1 + 0.5 * torch.sin(2 * torch.pi * 3 * seconds)
    signal = 0.3 * torch.sin(2 * torch.pi * 180 * seconds) * swell + 0.1 * torch.sin(2 * torch.pi * 1450 * seconds)
    model = Bundle.open().speaker
    with torch.inference_mode():
        embedding = model(kaldi_fbank(signal)[None])[0, :8]
    torch.testing.assert_close(embedding.relu(), reference, atol=0.01, rtol=0)
