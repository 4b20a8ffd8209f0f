"""The choice among renderings."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import glmtts
from glmtts.synthesis.synthesizer import Synthesizer
from glmtts.synthesis.writer import Segment
from glmtts.text.frontend import Piece

CHOICES = [[1] * 4, [2] * 5, [3] * 6]


@pytest.fixture(scope="module")
def tts(tiny_folder: Path) -> Synthesizer:
    return glmtts.load(tiny_folder)


@pytest.fixture
def piece(tts: Synthesizer) -> Segment:
    (piece,) = tts._pieces(tts.frontend, [Piece("Hello there.")], None, 0, {})
    return replace(piece, settings=piece.settings.model_copy(update={"renderings": 3, "clear": 0.5}))


@pytest.mark.parametrize(
    ("costs", "judged", "spoken"),
    [([2.0, 1.0, 1.5], 3, 1), ([2.0, 0.5, 0.1], 2, 1), ([0.4, 0.1, 0.1], 1, 0), ([float("inf")] * 3, 3, 0)],
)
def test_the_first_clear_sound_or_else_the_clearest_is_spoken(
    tts: Synthesizer, piece: Segment, monkeypatch: pytest.MonkeyPatch, costs: list[float], judged: int, spoken: int
) -> None:
    left = iter(costs)
    monkeypatch.setattr(tts.renderer, "cost", lambda piece, samples: next(left))
    samples, tokens = tts.renderer.clearest(piece, CHOICES)
    assert tokens == CHOICES[spoken]
    assert torch.equal(samples, tts.renderer.render(piece, tokens))
    assert len(list(left)) == 3 - judged


def test_what_cannot_be_judged_is_spoken_as_it_is(
    tts: Synthesizer, piece: Segment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tts.renderer, "cost", lambda piece, samples: pytest.fail("judged"))
    assert tts.renderer.clearest(piece, CHOICES[:1])[1] == CHOICES[0]
    assert tts.renderer.clearest(replace(piece, phonemes=()), CHOICES)[1] == CHOICES[0]
    monkeypatch.setattr(tts.bundle, "optional", lambda name: None)
    assert tts.renderer.clearest(piece, CHOICES)[1] == CHOICES[0]


def test_the_cost_is_what_the_recogniser_finds_in_the_sound(tts: Synthesizer, piece: Segment) -> None:
    samples = torch.randn(24000, generator=torch.Generator().manual_seed(0)) * 0.1
    costs = {tts.renderer.cost(replace(piece, phonemes=phonemes), samples) for phonemes in (["N", "I3"], ["B", "A4"])}
    assert len(costs) == 2
    assert all(0 < cost < float("inf") for cost in costs)
    assert tts.renderer.cost(piece, samples[:200]) == float("inf")
