"""Pitch in the flow: combs where the harmonics are, a height that moves the prior, an estimate that trains."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from glmtts.audio.f0 import voice_f0
from glmtts.audio.mel import LogMel, MelConfig, mel_filters
from glmtts.audio.pitch import REFERENCE_HZ
from glmtts.errors import ConfigError
from glmtts.flow.pitch import HarmonicComb
from glmtts.flow.train import FlowLoss, batch_loss, collate
from tests.tiny import tiny_flow


def pulses(hz: float, rate: int, seconds: float = 1.0) -> torch.Tensor:
    """All harmonics of one pitch, equally strong."""
    time = torch.arange(int(rate * seconds)) / rate
    return sum(torch.cos(2 * math.pi * hz * k * time) for k in range(1, int(8000 / hz))) * 0.02


@pytest.mark.parametrize("hz", [95.0, 160.0, 300.0])
def test_the_comb_is_the_spectrum_of_pulses(hz: float) -> None:
    comb = HarmonicComb(mel_filters(24000, 1920, 80, 0, 8000), 24000)
    shown = comb(torch.tensor([[math.log2(hz / REFERENCE_HZ)]]))[0, 0, 2:40]
    heard = LogMel(MelConfig())(pulses(hz, 24000)[None])[0, 2:40, 20]
    assert np.corrcoef(shown.clamp(min=-2), (heard - heard.max()).clamp(min=-3))[0, 1] > 0.8


@pytest.mark.parametrize("hz", [80.0, 143.0, 222.0, 410.0])
def test_the_f0_of_a_voice(hz: float) -> None:
    assert voice_f0(pulses(hz, 16000), 16000) == pytest.approx(hz, rel=0.01)


def test_what_has_no_pitch_has_no_f0() -> None:
    assert voice_f0(torch.randn(16000, generator=torch.Generator().manual_seed(0)), 16000) is None
    assert voice_f0(torch.zeros(16000), 16000) is None
    assert voice_f0(torch.zeros(10), 16000) is None


def test_the_height_is_asked_for() -> None:
    model, tokens, speaker = tiny_flow(), torch.zeros(1, 4, dtype=torch.long), torch.ones(1, 192)
    with pytest.raises(ConfigError, match="median F0"):
        model.embed_tokens(tokens, 8, speaker)


def test_the_prior_learns_to_follow_the_height() -> None:
    torch.manual_seed(0)
    model, rng, rate = tiny_flow(), np.random.default_rng(0), 24000
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    mels = {hz: LogMel(MelConfig())(pulses(hz, rate)[None])[0].T.numpy() for hz in (110.0, 260.0)}
    items = [(rng.integers(16, size=25), mel, np.ones(192), np.full(50, hz)) for hz, mel in mels.items()]
    batch = collate(items, 2)
    for _ in range(150):
        loss, metrics = batch_loss(model, batch, FlowLoss())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert metrics["pitch"] < 0.2
    speaker, errors = F.normalize(torch.ones(1, 192), dim=-1), {}
    with torch.inference_mode():
        for hz in mels:
            assert model.prior is not None
            guess = model.prior(batch.tokens_BS[:1], speaker, f0_B=torch.tensor([hz]))[0]
            errors[hz] = [float((guess - torch.from_numpy(mel)).abs().mean()) for mel in mels.values()]
    assert errors[110.0][0] < 0.7 * errors[110.0][1]
    assert errors[260.0][1] < 0.7 * errors[260.0][0]
