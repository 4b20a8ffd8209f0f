"""The vocoder: inverse STFT, shapes, augmentation, resumable training."""

import pytest
import torch
import torch.nn.functional as F

from glmtts.audio.mel import LogMel
from glmtts.config import StrictConfig
from glmtts.errors import ConfigError
from glmtts.vocoder.augmentation import Augmentation
from glmtts.vocoder.hift import HiFTConfig
from glmtts.vocoder.istft import InverseSTFT
from glmtts.vocoder.torchscript import TorchScriptVocoderConfig
from glmtts.vocoder.vocos2d import Vocos2D, Vocos2DConfig
from tests.tiny import TINY_VOCODER


def test_inverse_stft_inverts() -> None:
    samples = torch.randn(2, 4800)
    padded = F.pad(samples[:, None], (720, 720), mode="reflect")[:, 0]
    spectrum = torch.stft(padded, 1920, 480, window=torch.hann_window(1920), center=False, return_complex=True)
    torch.testing.assert_close(InverseSTFT(1920, 480)(spectrum), samples, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("rate", "n_fft", "hop"), [(24000, 1920, 480), (32000, 2560, 640)])
def test_length_is_frames_times_hop(rate: int, n_fft: int, hop: int) -> None:
    config = TINY_VOCODER.model_copy(update={"sample_rate": rate, "n_fft": n_fft, "hop_length": hop})
    model = Vocos2D(config)
    assert model(torch.randn(2, 80, 7)).shape == (2, 7 * hop)
    assert model.spectrum(torch.randn(1, 80, 7))[0].shape == (1, n_fft // 2 + 1, 7)


@pytest.mark.parametrize(
    ("config", "wrong"),
    [
        (Vocos2DConfig, {"bands": 0}),
        (Vocos2DConfig, {"channels": 0}),
        (Vocos2DConfig, {"expansion": -1}),
        (Vocos2DConfig, {"layers": 0}),
        (Vocos2DConfig, {"n_mels": 0}),
        (HiFTConfig, {"sample_rate": -1}),
        (HiFTConfig, {"upsample_rates": [8, 0, 15]}),
        (HiFTConfig, {"upsample_rates": [8, 15], "upsample_kernels": [16, 11]}),
        (HiFTConfig, {"istft_hop": 5}),
        (HiFTConfig, {"upsample_kernels": [16, 10, 7]}),
        (HiFTConfig, {"kernels": [3, 4]}),
        (HiFTConfig, {"limit": 0}),
        (TorchScriptVocoderConfig, {"sample_rate": 0}),
    ],
)
def test_sizes_that_make_no_sound_are_refused(config: type[StrictConfig], wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=rf"{config.__name__} is not valid: .*\. Correct"):
        config.parse(wrong)
    assert config.parse({})


def test_the_mel_enters_every_block() -> None:
    model = Vocos2D(TINY_VOCODER)
    x = torch.randn(1, 4, 60, 5)
    mel = torch.randn(1, 5, 80)
    assert not torch.allclose(model.blocks[0](x, mel), model.blocks[0](x, mel + 1))


def test_augmentation_is_shared_and_differentiable() -> None:
    samples = torch.randn(3, 4000, requires_grad=True)
    augment = Augmentation.draw(3, 480, samples)
    first, again = augment(samples), augment(samples)
    assert torch.equal(first, again)
    ratio = first.norm(dim=1) / samples[:, augment.shift :].norm(dim=1)
    torch.testing.assert_close(20 * ratio.log10(), 20 * augment.gain_B1[:, 0].log10(), atol=0.2, rtol=0)
    first.square().sum().backward()
    assert samples.grad is not None
    assert samples.grad[:, augment.shift :].abs().sum() > 0
    assert samples.grad[:, : augment.shift].abs().sum() == 0


def test_phase_rotation_by_pi_flips_the_sign() -> None:
    samples = torch.randn(1, 4000)
    samples -= samples.mean()
    flip = Augmentation(torch.ones(1, 1), 0, torch.full((1, 1), torch.pi))
    torch.testing.assert_close(flip(samples), -samples, atol=1e-4, rtol=1e-4)


def test_the_prior_tells_magnitudes_from_the_mel() -> None:
    """A tone's magnitude lies where the mel says, before anything is learnt (FreeV)."""
    model = Vocos2D(TINY_VOCODER.model_copy(update={"amplitude_prior": True}))
    torch.nn.init.zeros_(model.head.weight)
    torch.nn.init.zeros_(model.head.bias)
    hertz, size = 1500, TINY_VOCODER.n_fft
    tone = 0.3 * torch.sin(torch.arange(24000) * 2 * torch.pi * hertz / TINY_VOCODER.sample_rate)[None]
    magnitude, _ = model.spectrum(LogMel(TINY_VOCODER.mel)(tone))
    loudest = int(magnitude[0, :, 10].argmax()) * TINY_VOCODER.sample_rate / size
    assert abs(loudest - hertz) < 60
    assert magnitude.isfinite().all()
    assert (magnitude[0, size // 2 * 9 // 12 : -2] == 1).all()  # above 9 kHz, where there are no filters


@pytest.mark.parametrize("left_out", ["mel_shortcuts", "frequency_embedding"])
def test_parts_can_be_left_out(left_out: str) -> None:
    whole = Vocos2D(TINY_VOCODER)
    less = Vocos2D(TINY_VOCODER.model_copy(update={left_out: False}))
    assert sum(p.numel() for p in less.parameters()) < sum(p.numel() for p in whole.parameters())
    assert less(torch.randn(1, 80, 7)).shape == (1, 7 * TINY_VOCODER.hop_length)
