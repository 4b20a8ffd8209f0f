"""A lone word that is said fast is slowed; silence, cut sound and longer words stay as they are."""

import pytest
import torch

from glmtts.audio.short import long_enough, sounding

RATE = 24000


def word(seconds: float, around: float = 0.15) -> torch.Tensor:
    """A tone with silence on both sides."""
    tone = 0.3 * torch.sin(2 * torch.pi * 180 * torch.arange(round(seconds * RATE)) / RATE)
    return torch.nn.functional.pad(tone, (round(around * RATE), round(around * RATE)))


@pytest.mark.parametrize("seconds", [0.21, 0.25, 0.29])
def test_a_quick_word_lasts_three_tenths_of_a_second(seconds: float) -> None:
    spoken = long_enough(word(seconds), RATE)
    assert 0.3 <= sounding(spoken.numpy(), RATE) < 0.36
    assert spoken[-480:].abs().max() < 0.003, "its end stays silent"


@pytest.mark.parametrize("samples", [word(0.3), word(1.0), word(0.05), torch.zeros(9600), torch.zeros(3)])
def test_all_else_stays(samples: torch.Tensor) -> None:
    assert torch.equal(long_enough(samples, RATE), samples)
