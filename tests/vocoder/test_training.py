"""The vocoder's losses, its pieces of recordings, and its critic."""

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import glmtts.tasks  # noqa: F401 - registers the tasks by name
from glmtts.audio.mel import LogMel, MelConfig
from glmtts.audio.resample import resample
from glmtts.data import Item, Utterance
from glmtts.training.checkpoint import save
from glmtts.training.engine import Engine
from glmtts.training.registry import create_task
from glmtts.training.shards import shards_of
from glmtts.vocoder.band import is_narrow, within_band
from glmtts.vocoder.discriminators import Discriminators
from glmtts.vocoder.pieces import Pieces, random_piece
from glmtts.vocoder.train import VocoderTask
from tests.training.made_up import run_of


def task(tmp_path: Path, name: str = "vocoder") -> VocoderTask:
    made = create_task(run_of(name, tmp_path, tmp_path / "run"))
    assert isinstance(made, VocoderTask)
    return made


def tone() -> Pieces:
    real = 0.3 * torch.sin(torch.arange(2 * 3840) * 0.05).view(2, -1)
    mel = LogMel(MelConfig())(real)
    return Pieces(real, mel, torch.full((2, mel.shape[2]), 24000 * 0.05 / (2 * math.pi)))


def noise(seconds: float, rate: int) -> torch.Tensor:
    """White noise (1, T), rounded to 16 bits as datasets hold it."""
    wave = 0.1 * torch.randn(1, int(seconds * rate), generator=torch.Generator().manual_seed(0))
    return (wave * 32767).round() / 32768


@pytest.mark.parametrize("name", ["vocoder", "vocos", "vocos_harmonic"])
def test_reconstruction_falls_on_a_tone(tmp_path: Path, name: str) -> None:
    vocoder = task(tmp_path, name)
    model, losses = vocoder.build(), []
    optimizer = torch.optim.AdamW(model.parameters(), 5e-3)
    for step in range(30):
        loss, metrics = vocoder.loss(model, tone(), step)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(metrics["reconstruction"]))
    assert losses[-1] < 0.8 * losses[0]


def test_f0_alone_is_learnt_where_nothing_else_is_asked_for(tmp_path: Path) -> None:
    loss = {"gan_start": None, "reconstruction_weight": 0.0}
    vocoder = create_task(run_of("vocos_harmonic", tmp_path, tmp_path / "run", loss=loss))
    assert isinstance(vocoder, VocoderTask)
    model = vocoder.build()
    value, metrics = vocoder.loss(model, tone(), 0)
    value.backward()
    assert metrics.keys() == {"pitch"}
    learnt = {name.partition(".")[0] for name, weight in model.named_parameters() if weight.grad is not None}
    assert learnt == {"pitch"}


def test_the_critic_of_another_run_goes_on(tmp_path: Path) -> None:
    before = task(tmp_path).build_critic()
    save(tmp_path / "before", 1, {"critic": shards_of(before)}, {}, 0, 1, lambda: None)
    loss = {"gan_start": 0, "discriminator_channels": 2, "critic_init": str(tmp_path / "before")}
    vocoder = create_task(run_of("vocoder", tmp_path, tmp_path / "run", loss=loss))
    assert isinstance(vocoder, VocoderTask)
    engine = Engine(vocoder)
    assert engine.adversary is not None
    critic = engine.adversary.critic.state_dict()
    assert all(torch.equal(critic[name], value) for name, value in before.state_dict().items())
    values = {"consumed": 2, "minutes": 0.0, "data": {}}
    save(tmp_path / "run", 1, engine.groups(), values, 0, 1, lambda: None)
    shutil.rmtree(tmp_path / "before")
    Engine(vocoder)  # who resumes has its own


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
        head = model.get_submodule("head").weight
        gradients.append(head.grad.clone())
    assert not torch.allclose(gradients[0], gradients[1])


def piece_of(wave: np.ndarray, flow_mel: np.ndarray | None, frames: int, share: float, seed: int) -> Pieces:
    """One piece as a loader makes it, of a recording and its mel by a flow."""
    features = {"wave": wave} if flow_mel is None else {"wave": wave, "flow_mel": flow_mel}
    item = Item(Utterance("a", "", "en", "s", 1.0), features)
    real, mel = random_piece(item, LogMel(MelConfig()), frames, share, np.random.default_rng(seed))
    return Pieces(real[None], mel[None])


def test_pieces_are_parts_of_their_recording_at_a_gain() -> None:
    wave = np.arange(20 * 480, dtype=np.int16)
    pieces = [piece_of(wave, None, 5, 0.0, seed).real_BT[0] for seed in range(20)]
    steps = [piece.diff() * 32768 for piece in pieces]
    assert all(torch.allclose(step, step[0], atol=1e-2) and 0.4 <= step[0] <= 1.2 for step in steps)
    assert len({float(piece[0]) for piece in pieces}) > 5
    short = piece_of(wave[:480], None, 5, 0.0, 0).real_BT[0]
    assert short.shape == (5 * 480,)
    assert not short[480:].any()


def test_a_piece_by_the_flow_has_the_frames_of_its_samples() -> None:
    """A ramp of amplitude: the mel's frame that belongs to a sample says which gain and place it has."""
    frames = 20
    loud = np.repeat(np.arange(1, frames + 1), 480) * 1000
    flow_mel = np.tile(np.log(np.arange(1, frames + 1))[:, None], (1, 80)).astype(np.float16)
    for seed in range(10):
        piece = piece_of(loud.astype(np.int16), flow_mel, 5, 1.0, seed)
        level = piece.real_BT[0].view(5, 480)[:, 0] * 32768 / 1000  # gain × number of the frame
        assert torch.allclose(piece.mel_BMT[0, 0].exp(), level, rtol=5e-3)
    ended = piece_of(loud[:960].astype(np.int16), flow_mel[:2], 5, 1.0, 0)
    assert ended.mel_BMT[0, 0, 2:].tolist() == pytest.approx([math.log(1e-5)] * 3)


def test_a_narrow_recording_is_told_and_says_nothing_of_the_upper_band() -> None:
    wide = noise(0.64, 24000)
    narrow = resample(noise(0.64, 16000)[0], 16000, 24000)[None]
    narrow = (narrow * 32767).round() / 32768
    both = torch.cat([wide, narrow])
    assert is_narrow(both, 24000).tolist() == [False, True]
    made = within_band(wide.expand(2, -1), both, 24000)
    assert torch.allclose(made[:1], wide, atol=1e-5)
    upper = torch.fft.rfft(made).abs()[:, int(8000 * 0.64) :]
    assert upper[0].mean() > 1
    assert upper[1].max() < 1e-3


def test_periods_join_the_discriminators() -> None:
    samples = torch.randn(2, 4800, generator=torch.Generator().manual_seed(0))
    scores, features = Discriminators(channels=2, periods=(2, 3), period_channels=2)(samples)
    assert len(scores) == len(features) == 5
    shifted, _ = Discriminators(channels=2, periods=(7,), period_channels=2)(samples[:, :4799])  # 7 does not divide it
    assert torch.isfinite(shifted[-1]).all()
