"""The adaptation of the prior to a voice: it is learnt, travels with the voice, and changes what the flow makes."""

from pathlib import Path

import pytest
import torch

from glmtts.errors import ConfigError
from glmtts.flow.adaptation import WINDOW, adaptation
from glmtts.flow.dit import DiT
from glmtts.stages import Conditions, Solver
from glmtts.synthesis.voice import Voice
from tests.tiny import CODES, tiny_flow

F0 = torch.tensor(120.0)


def known(seed: int, tokens: int = 12) -> tuple[DiT, torch.Tensor, torch.Tensor]:
    """A frozen flow, tokens (S,) and a unit speaker vector."""
    torch.manual_seed(seed)
    flow = tiny_flow().eval().requires_grad_(False)
    return flow, torch.randint(0, CODES, (tokens,)), torch.nn.functional.normalize(torch.randn(192), dim=0)


@torch.no_grad()
def distance(flow: DiT, tokens: torch.Tensor, speaker: torch.Tensor, mel: torch.Tensor, added: torch.Tensor) -> float:
    assert flow.prior is not None
    made = flow.prior(tokens[None], speaker[None], None, F0[None], added[None])[0].T
    return float((made - mel).abs().mean())


@pytest.mark.parametrize("tokens_of_recording", [12, 2 * WINDOW + 3])
def test_it_finds_the_modulation_of_a_voice_that_has_another(tokens_of_recording: int) -> None:
    flow, tokens, speaker = known(0, tokens_of_recording)
    assert flow.prior is not None
    shape = flow.prior.head.adaptation_shape
    with torch.no_grad():
        mel = flow.prior(tokens[None], speaker[None], None, F0[None], 0.5 * torch.randn(1, *shape))[0].T
    found = adaptation(flow, tokens, speaker, mel, F0, steps=100)
    before = distance(flow, tokens, speaker, mel, torch.zeros(shape))
    assert distance(flow, tokens, speaker, mel, found) < 0.6 * before


def test_it_works_within_inference_mode_and_leaves_the_weights_alone() -> None:
    flow, tokens, speaker = known(1)
    before = {name: value.clone() for name, value in flow.state_dict().items()}
    mel = torch.randn(80, 24)
    with torch.inference_mode():
        inside = adaptation(flow, tokens.clone(), speaker.clone(), mel.clone(), F0.clone(), steps=3)
    assert torch.equal(inside, adaptation(flow, tokens, speaker, mel, F0, steps=3))
    assert all(torch.equal(value, before[name]) for name, value in flow.state_dict().items())


def test_the_flow_follows_it() -> None:
    flow, tokens, speaker = known(2)
    assert flow.prior is not None
    added = torch.randn(1, *flow.prior.head.adaptation_shape)
    noise, nothing = torch.randn(1, 24, 80), torch.zeros(1, 80, 0)
    said = [
        flow.sample(Conditions(tokens[None], speaker[None], nothing, F0[None], a), noise, Solver(2, 0.0, 0.7))[0]
        for a in (None, torch.zeros_like(added), added)
    ]
    assert torch.equal(said[0], said[1])
    assert not torch.allclose(said[0], said[2], atol=0.01)


def test_a_flow_without_prior_has_nothing_to_adapt() -> None:
    flow, tokens, speaker = known(3)
    flow.prior = None
    with pytest.raises(ConfigError, match="without adaptation"):
        adaptation(flow, tokens, speaker, torch.zeros(80, 24), F0, steps=1)


def test_it_is_saved_with_the_voice(tmp_path: Path) -> None:
    tokens, mel, added = torch.zeros(4, dtype=torch.long), torch.zeros(80, 8), torch.randn(5, 512)
    for adapted in (None, added):
        voice = Voice("Hello.", tokens, mel, torch.zeros(192), F0, adapted)
        voice.save(tmp_path / "voice.safetensors")
        read = Voice.load(tmp_path / "voice.safetensors").adaptation
        assert read is None if adapted is None else torch.allclose(read, adapted, atol=2e-3)
