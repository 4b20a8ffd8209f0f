"""The vocoder with a source: the source itself, F0 read from a mel, the filters, streams."""

import math

import pytest
import torch

from glmtts.audio.mel import LogMel, MelConfig
from glmtts.errors import ConfigError
from glmtts.stages import Continuing
from glmtts.vocoder.harmonic import HarmonicVocos, HarmonicVocosConfig
from glmtts.vocoder.pitch import BINS, HIGHEST, LOWEST, PitchNetwork, octaves_of_logits, pitch_loss
from glmtts.vocoder.source import noise, pulses, turns_of

RATE, HOP = 24000, 480
TINY = HarmonicVocosConfig(width=8, layers=1, fine_width=8, fine_layers=1, pitch_width=8, pitch_layers=2)


def test_a_steady_phase_is_exact_after_minutes() -> None:
    frames, hz = 120 * 50, 211.7
    turns = turns_of(torch.full((1, frames), hz), HOP, RATE)[0]
    true = (torch.arange(1, frames * HOP + 1, dtype=torch.float64) * hz / RATE).remainder(1)
    apart = (turns - true + 0.5).remainder(1) - 0.5
    assert apart.abs().max() < 2e-3  # of a period; the thirtieth harmonic then is a sixteenth of its own off


def test_pulses_are_the_sum_of_all_harmonics_below_nyquist() -> None:
    f0 = torch.linspace(90, 260, 20)[None]
    found = pulses(f0, HOP, RATE)[0]
    theta = turns_of(f0, HOP, RATE)[0].double()
    hz = torch.nn.functional.interpolate(f0[None], scale_factor=HOP, mode="linear")[0, 0].double()
    most = RATE / 2 / hz - 1
    numbers = torch.arange(1, 200)[:, None]
    weights = (most - numbers + 1).clamp(0, 1)  # the last one in part
    true = (weights * torch.cos(2 * math.pi * numbers * theta)).sum(0) * torch.sqrt(2 / most)
    assert (found - true).abs().max() < 0.05  # of pulses as high as 15
    assert found.abs().max() > 10
    assert float(found.square().mean()) == pytest.approx(1, abs=0.05)


def test_noise_is_white_and_a_function_of_its_place() -> None:
    whole = noise(0, 48000, torch.device("cpu"))
    assert torch.equal(noise(1000, 500, torch.device("cpu")), whole[1000:1500])
    assert float(whole.mean()) == pytest.approx(0, abs=0.02)
    assert float(whole.square().mean()) == pytest.approx(1, abs=0.02)
    power = torch.fft.rfft(whole.view(-1, 480)).abs().square().mean(0)[1:-1] / 480
    assert power.std() < 0.2
    nearby = [float((whole[lag:] * whole[:-lag]).mean()) for lag in (1, 2, 3, 480)]
    assert max(map(abs, nearby)) < 0.03


def test_scores_are_read_between_the_bins() -> None:
    centres = torch.linspace(LOWEST, HIGHEST, BINS)
    wanted = torch.tensor([[-1.234, 0.003, 1.5]])
    logits = -((centres[:, None] - wanted[0]) ** 2)[None] * 3000
    assert torch.allclose(octaves_of_logits(logits), wanted, atol=1e-3)
    hz = 150 * wanted.exp2()
    assert pitch_loss(logits, hz) < pitch_loss(logits, hz * 1.06)
    unvoiced = torch.cat([hz[:, :2], torch.zeros(1, 1)], dim=1)
    assert torch.isfinite(pitch_loss(logits, unvoiced)) and pitch_loss(logits, torch.zeros(1, 3)) == 0


def test_f0_is_learnt_from_mels() -> None:
    mel, draws = LogMel(MelConfig()), torch.Generator().manual_seed(0)

    def tones(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        f0 = (80 + 200 * torch.rand(count, 1, generator=draws)).expand(-1, 12)
        return (mel(0.02 * pulses(f0, HOP, RATE)) + 5.5) / 2.5, f0

    network = PitchNetwork(80, 32, 2)
    optimizer = torch.optim.AdamW(network.parameters(), 5e-3)
    for _ in range(60):
        x, f0 = tones(8)
        optimizer.zero_grad()
        pitch_loss(network(x), f0).backward()
        optimizer.step()
    x, f0 = tones(20)
    with torch.no_grad():
        error = octaves_of_logits(network(x)) - torch.log2(f0 / 150)
    assert 12 * error[:, 4:8].abs().median() < 0.5  # semitones; the median of a guess is about 6


@pytest.mark.parametrize(("hop", "finer"), [(HOP, 2), (HOP, 4), (441, 3), (441, 7), (45, 1)])
def test_length_is_frames_times_hop(hop: int, finer: int) -> None:
    sizes = {"hop_length": hop, "n_fft": 3 * hop + hop % 2 * (hop - 1), "finer": finer}
    model = HarmonicVocos(HarmonicVocosConfig.parse({**TINY.model_dump(), **sizes}))
    assert model(torch.randn(2, 80, 7)).shape == (2, 7 * hop)


def test_a_stream_goes_on_with_the_phase_of_the_whole() -> None:
    model = HarmonicVocos(TINY).eval()
    torch.nn.init.normal_(model.head.weight, std=0.3)
    mel = 2.5 * torch.randn(1, 80, 90) - 5.5
    ahead = model.look_ahead
    with torch.inference_mode():
        whole = model(mel)[0]
        parts = [model.samples_from(mel[..., : 30 + ahead], 0)[0, : 30 * HOP], model.samples_from(mel, 30)[0]]
        shifted = model(mel[..., 30:])[0]
    assert isinstance(model, Continuing)
    assert (torch.cat(parts) - whole).abs().max() < 2e-3 * whole.abs().max()
    assert (shifted - whole[30 * HOP :])[ahead * HOP :].abs().max() > 0.1 * whole.abs().max()  # without the phase


def test_filters_depend_on_no_frame_beyond_the_look_ahead() -> None:
    model = HarmonicVocos(TINY).eval()
    mel = torch.randn(1, 80, 60)
    other = mel.clone()
    other[..., 30] += 1
    with torch.inference_mode():
        octaves = torch.zeros(1, 60)
        source = model.source(octaves)
        difference = model.filtered(mel, octaves, source) - model.filtered(other, octaves, source)
        pitch = (model.octaves(mel) - model.octaves(other))[0].abs()
    moved = difference.abs().view(60, HOP).amax(1)
    near = torch.arange(60).sub(30).abs() <= model.reach - model.pitch.reach - 1
    assert moved[~near].max() < 1e-7 < 1e-6 < moved[30]
    assert pitch[torch.arange(60).sub(30).abs() > model.pitch.reach].max() == 0


@pytest.mark.parametrize(("measured", "waits"), [(None, "reach"), (12, 12), (1, "phase"), (900, "reach")])
def test_a_stream_waits_as_long_as_was_measured_and_as_the_phase_needs(measured: int | None, waits: int | str) -> None:
    model = HarmonicVocos(HarmonicVocosConfig(look_ahead=measured))
    assert model.look_ahead == {"reach": model.reach, "phase": model.pitch.reach + 1}.get(str(waits), waits)
    assert model.pitch.reach + 1 < 12 < model.reach


@pytest.mark.parametrize("wrong", [{"look_ahead": 0}, {"finer": 7}, {"kernel": 4}, {"fine_kernel": 2}])
def test_frames_that_do_not_fit_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        HarmonicVocosConfig.parse(wrong)
