"""The vocoder's losses, its pieces of recordings, and its critic."""

from pathlib import Path

import numpy as np
import torch

from glmtts.vocoder.train import VocoderTask, _piece
from tests.training.made_up import run_of


def task(tmp_path: Path) -> VocoderTask:
    return VocoderTask(run_of("vocoder", tmp_path, tmp_path / "run"))


def tone() -> torch.Tensor:
    return 0.3 * torch.sin(torch.arange(2 * 3840) * 0.05).view(2, -1)


def test_reconstruction_falls_on_a_tone(tmp_path: Path) -> None:
    vocoder = task(tmp_path)
    model, losses = vocoder.build(), []
    optimizer = torch.optim.AdamW(model.parameters(), 5e-3)
    for step in range(30):
        loss, metrics = vocoder.loss(model, tone(), step)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(metrics["reconstruction"]))
    assert losses[-1] < 0.8 * losses[0]


def test_the_critic_learns_to_tell_and_its_score_reaches_the_generator(tmp_path: Path) -> None:
    vocoder = task(tmp_path)
    model, critic, losses = vocoder.build(), vocoder.build_critic(), []
    optimizer = torch.optim.AdamW(critic.parameters(), 5e-3)
    fake = vocoder.fake(model, tone()).detach()
    for _ in range(40):
        loss, _ = vocoder.critic_loss(critic, tone(), fake)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]
    gradients = []
    for against in (None, critic.requires_grad_(False)):
        model.zero_grad()
        torch.manual_seed(0)
        vocoder.loss(model, tone(), 5, against)[0].backward()
        gradients.append(model.head.weight.grad.clone())
    assert not torch.allclose(gradients[0], gradients[1])


def test_pieces_are_parts_of_their_recording() -> None:
    wave, rng = np.arange(1000, dtype=np.int16), np.random.default_rng(0)
    pieces = [_piece(wave, 100, rng) for _ in range(20)]
    steps = [np.diff(piece) * 32768 for piece in pieces]
    assert all(np.allclose(step, step[0], atol=1e-2) and 0.4 <= step[0] <= 1.2 for step in steps)
    assert len({float(piece[0]) for piece in pieces}) > 10
    short = _piece(wave[:60], 100, rng)
    assert short.shape == (100,)
    assert not short[60:].any()
