"""A voice's spectral map: what it corrects, where it holds back, and that it travels with the voice."""

from pathlib import Path

import torch

from glmtts.flow.cfm import Solver, sample
from glmtts.flow.spectrum import CEPSTRA, cosines, fitted, spectrum_map
from glmtts.synthesis.voice import Voice
from tests.tiny import CODES, tiny_flow


def voice_with(spectrum: torch.Tensor | None) -> Voice:
    tokens, mel = torch.zeros(4, dtype=torch.long), torch.zeros(80, 8)
    return Voice("Hello.", tokens, mel, torch.zeros(192), torch.tensor(118.5), spectrum)


def speech(frames: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(80, frames, generator=torch.Generator().manual_seed(seed))


def test_cosines_are_orthonormal() -> None:
    torch.testing.assert_close(cosines(80) @ cosines(80).T, torch.eye(80), atol=1e-5, rtol=0)


def test_a_linear_error_is_undone() -> None:
    made, basis = speech(4000), cosines(80)
    change = torch.eye(80)
    change[:CEPSTRA, :CEPSTRA] += 0.05 * torch.randn(CEPSTRA, CEPSTRA, generator=torch.Generator().manual_seed(1))
    real = basis.T @ change @ basis @ made + torch.linspace(-2, 1, 80)[:, None]
    mapped = voice_with(fitted(made, real)).coloured(made[None])[0]
    assert (mapped - real).abs().mean() < 0.3 * (made + (real - made).mean(1, keepdim=True) - real).abs().mean()


def test_a_short_recording_moves_little_but_the_average() -> None:
    made = speech(20)
    found = fitted(made, made + 1.5)
    torch.testing.assert_close(found, torch.cat([torch.eye(80), torch.full((80, 1), 1.5)], 1), atol=1e-3, rtol=0)
    moved = [float((fitted(speech(n), speech(n, seed=1))[:, :80] - torch.eye(80)).norm()) for n in (20, 2000)]
    assert moved[0] < 0.7 * moved[1]


def test_it_is_fitted_to_what_the_flow_makes_of_the_tokens() -> None:
    torch.manual_seed(0)
    flow, solver, f0 = tiny_flow().eval(), Solver(steps=2, guidance=0), torch.tensor(120.0)
    tokens, embedding = torch.randint(0, CODES, (12,)), torch.randn(192)
    noise = torch.randn(1, 24, 80, generator=torch.Generator().manual_seed(0))
    made = sample(flow, tokens[None], embedding[None], torch.zeros(1, 80, 0), noise, solver, f0_B=f0[None])[0]
    colour = torch.linspace(-2, 1, 80)[:, None]
    found = spectrum_map(flow, tokens, embedding, made + colour, solver, f0)
    torch.testing.assert_close(found, torch.cat([torch.eye(80), colour], 1), atol=1e-3, rtol=0)


def test_it_is_saved_with_the_voice_and_colours_mels(tmp_path: Path) -> None:
    mel = speech(6)[None]
    assert voice_with(None).coloured(mel) is mel
    voice = voice_with(torch.cat([2 * torch.eye(80), torch.arange(80.0)[:, None]], 1))
    voice.save(tmp_path / "voice.safetensors")
    read = Voice.load(tmp_path / "voice.safetensors")
    assert torch.allclose(read.coloured(mel), 2 * mel + torch.arange(80.0)[None, :, None], atol=1e-4)
    assert read.f0 == voice.f0
