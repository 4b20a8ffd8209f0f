"""A voice's equaliser: what it corrects, and that it travels with the voice."""

from pathlib import Path

import torch

from glmtts.flow.cfm import Solver, sample
from glmtts.flow.spectrum import spectrum_gap
from glmtts.synthesis.voice import Voice
from tests.tiny import CODES, tiny_flow


def test_the_recording_comes_out_with_its_own_average() -> None:
    torch.manual_seed(0)
    flow, solver = tiny_flow().eval(), Solver(steps=2, guidance=0)
    tokens, embedding = torch.randint(0, CODES, (12,)), torch.randn(192)
    noise = torch.randn(1, 24, 80, generator=torch.Generator().manual_seed(0))
    made = sample(flow, tokens[None], embedding[None], torch.zeros(1, 80, 0), noise, solver)[0]
    colour = torch.linspace(-2, 1, 80)
    gap = spectrum_gap(flow, tokens, embedding, made + colour[:, None], solver)
    assert torch.allclose(gap, colour, atol=1e-4)


def test_it_is_saved_with_the_voice_and_colours_mels(tmp_path: Path) -> None:
    plain = Voice("Hello.", torch.zeros(4, dtype=torch.long), torch.zeros(80, 8), torch.zeros(192))
    mel = torch.randn(1, 80, 6)
    assert plain.coloured(mel) is mel
    coloured = Voice(plain.text, plain.tokens, plain.mel, plain.embedding, torch.arange(80.0))
    coloured.save(tmp_path / "voice.safetensors")
    read = Voice.load(tmp_path / "voice.safetensors")
    assert torch.allclose(read.coloured(mel) - mel, torch.arange(80.0)[None, :, None].expand_as(mel), atol=1e-4)
