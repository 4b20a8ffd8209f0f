"""Vocos: shapes, finer frames, and what a stream may rely on."""

import pytest
import torch

from glmtts.errors import ConfigError
from glmtts.vocoder.vocos import Vocos, VocosConfig

TINY = VocosConfig(width=8, layers=2, expansion=2)


@pytest.mark.parametrize("finer", [1, 2, 4])
def test_length_is_frames_times_hop(finer: int) -> None:
    model = Vocos(TINY.model_copy(update={"finer": finer}))
    assert model(torch.randn(2, 80, 7)).shape == (2, 7 * 480)
    magnitude, phase = model.spectrum(torch.randn(1, 80, 7))
    assert magnitude.shape == phase.shape == (1, 1920 // finer // 2 + 1, 7 * finer)


@pytest.mark.parametrize("finer", [1, 2, 4])
def test_samples_depend_on_no_frame_beyond_the_look_ahead(finer: int) -> None:
    torch.manual_seed(0)
    model = Vocos(TINY.model_copy(update={"finer": finer})).eval()
    frames, changed = 60, 30
    mel = torch.randn(1, 80, frames)
    other = mel.clone()
    other[..., changed] += 1
    with torch.inference_mode():
        difference = (model(mel) - model(other)).abs()[0].view(frames, 480).amax(1)
    near = torch.arange(frames).sub(changed).abs() <= model.look_ahead
    assert difference[~near].max() < 1e-6
    assert difference[changed] > 1e-4
    assert not near.all()


@pytest.mark.parametrize("wrong", [{"finer": 7}, {"kernel": 4}])
def test_frames_that_do_not_fit_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        VocosConfig.parse(wrong)
