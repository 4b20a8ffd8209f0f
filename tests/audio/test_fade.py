"""Ends without a click."""

import torch

from glmtts.audio.fade import faded_end

RATE = 24000


def test_a_loud_end_is_faded_and_what_comes_before_stays() -> None:
    tone = 0.5 * torch.sin(torch.arange(RATE) / RATE * 1500)
    faded = faded_end(tone, RATE)
    assert len(faded) == len(tone)
    assert torch.equal(faded[: -RATE * 60 // 1000], tone[: -RATE * 60 // 1000])
    assert faded[-RATE * 20 // 1000 :].abs().max() == 0
    assert faded.diff().abs().max() <= tone.diff().abs().max() * 1.05


def test_a_quiet_or_short_end_is_left_alone() -> None:
    tone = 0.5 * torch.sin(torch.arange(RATE) / RATE * 1500)
    tone[-RATE // 10 :] *= 1e-3
    assert faded_end(tone, RATE) is tone
    assert faded_end(tone[:100], RATE) is not None and len(faded_end(tone[:100], RATE)) == 100
