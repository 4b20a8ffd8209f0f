"""The choice among rendered candidates."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import glmtts
from glmtts.flow.dit import DiT
from glmtts.synthesis.rendering import Job
from glmtts.synthesis.segment import Segment
from glmtts.synthesis.synthesizer import Synthesizer
from glmtts.text.frontend import Piece

CHOICES = [[1] * 4, [2] * 5, [3] * 6]


@pytest.fixture(scope="module")
def tts(tiny_folder: Path) -> Synthesizer:
    return glmtts.load(tiny_folder)


@pytest.fixture
def segment(tts: Synthesizer) -> Segment:
    (segment,) = tts.segments([Piece("Hello there.")], None, 0, {})
    return replace(segment, settings=segment.settings.model_copy(update={"audio_best_of": 3, "max_audio_nll": 0.5}))


@pytest.mark.parametrize(
    ("costs", "judged", "spoken"),
    [([2.0, 1.0, 1.5], 3, 1), ([2.0, 0.5, 0.1], 2, 1), ([0.4, 0.1, 0.1], 1, 0), ([float("inf")] * 3, 3, 0)],
)
def test_the_first_clear_sound_or_else_the_clearest_is_spoken(
    tts: Synthesizer, segment: Segment, monkeypatch: pytest.MonkeyPatch, costs: list[float], judged: int, spoken: int
) -> None:
    left = iter(costs)
    monkeypatch.setattr(tts.renderer, "cost", lambda segment, samples: next(left))
    ((samples, tokens),) = tts.renderer.best([segment], [CHOICES])
    assert tokens == CHOICES[spoken]
    assert torch.equal(samples, tts.renderer.render([Job(segment, tokens)])[0])
    assert len(list(left)) == 3 - judged


def test_what_cannot_be_judged_is_spoken_as_it_is(
    tts: Synthesizer, segment: Segment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tts.renderer, "cost", lambda segment, samples: pytest.fail("judged"))
    assert tts.renderer.best([segment], [CHOICES[:1]])[0][1] == CHOICES[0]
    assert tts.renderer.best([replace(segment, phonemes=())], [CHOICES])[0][1] == CHOICES[0]
    monkeypatch.setattr(tts.judge, "recogniser", None)
    assert tts.renderer.best([segment], [CHOICES])[0][1] == CHOICES[0]


def test_the_cost_is_what_the_recogniser_finds_in_the_sound(tts: Synthesizer, segment: Segment) -> None:
    samples = torch.randn(24000, generator=torch.Generator().manual_seed(0)) * 0.1
    costs = {tts.renderer.cost(replace(segment, phonemes=phonemes), samples) for phonemes in (["N", "I3"], ["B", "A4"])}
    assert len(costs) == 2
    assert all(0 < cost < float("inf") for cost in costs)
    assert tts.renderer.cost(segment, samples[:200]) == float("inf")


@pytest.mark.parametrize("show_prompt", [True, False])
def test_jobs_of_unlike_lengths_are_rendered_together_as_if_alone(
    tts: Synthesizer, segment: Segment, show_prompt: bool
) -> None:
    """Other voices, one of them adapted, other seeds, other lengths of prompt and speech; two manners."""
    how = segment.settings.model_copy(update={"show_prompt": show_prompt, "guidance": 0.7, "t_start": 0.3})
    voice = segment.voice
    flow = tts.bundle.network("flow")
    assert isinstance(flow, DiT) and flow.prior is not None
    added = 0.3 * torch.randn(flow.prior.head.adaptation_shape)
    voices = [voice, replace(voice, tokens=voice.tokens[:20], mel=voice.mel[:, :40], adaptation=added)]
    jobs = [
        Job(replace(segment, voice=voices[n % 2], seed=n, settings=how), torch.randint(16, (10 + 9 * n,)).tolist())
        for n in range(4)
    ]
    jobs.append(Job(segment, [1, 2, 3]))
    together = tts.renderer.render(jobs)
    for job, samples in zip(jobs, together, strict=True):
        assert len(samples) == 960 * len(job.tokens)
        torch.testing.assert_close(samples, tts.renderer.render([job])[0], atol=2e-5, rtol=0)
