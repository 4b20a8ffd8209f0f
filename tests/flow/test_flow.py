"""The flow model: loss, guidance, padding."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from glmtts.errors import ConfigError
from glmtts.flow.cfm import times
from glmtts.flow.dit import DiT
from glmtts.flow.guidance import FlowInputs, guided_velocity
from glmtts.flow.train import FlowLoss, batch_loss, collate
from glmtts.speech_tokenizer.heads import SpeechTokenizerTraining
from glmtts.speech_tokenizer.model import SpeechTokenizerConfig
from glmtts.stages import Conditions, Solver
from tests.tiny import tiny_flow

F0 = torch.tensor([120.0])


def test_schedule_is_the_cosine_one() -> None:
    schedule = times(Solver(10))
    assert schedule[0] == 0
    torch.testing.assert_close(schedule[-1], torch.tensor(1.0))
    torch.testing.assert_close(schedule[5], 1 - torch.cos(torch.tensor(torch.pi / 4)))


@torch.inference_mode()
def test_guidance_as_one_batch_equals_two_calls() -> None:
    model = tiny_flow().eval()
    prompt, speaker, t = torch.randn(1, 20, 80), torch.randn(1, 192), torch.tensor(0.4)
    x, tokens = torch.randn(1, 20, 80), model.embed_tokens(torch.randint(16, (1, 10)), 20, speaker, f0_B=F0)
    both = guided_velocity(model, x, t, FlowInputs(tokens, prompt, speaker, None), 0.7, None)
    conditioned = model(x, t[None], tokens, prompt, speaker)
    free = model(x, t[None], tokens, 0 * prompt, 0 * speaker)
    torch.testing.assert_close(both, conditioned + 0.7 * (conditioned - free), atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_padding_changes_nothing() -> None:
    model = tiny_flow().eval()
    tokens, x, speaker = torch.randint(16, (1, 10)), torch.randn(1, 20, 80), torch.randn(1, 192)
    mask = torch.arange(30)[None] < 20
    padded = torch.nn.functional.pad(tokens, (0, 5))
    embedded = model.embed_tokens(tokens, 20, speaker, f0_B=F0)
    whole = model(x, torch.tensor([0.5]), embedded, 0 * x, speaker, mask[:, :20])
    wide = torch.nn.functional.pad(x, (0, 0, 0, 10), value=9.0)
    embedded = model.embed_tokens(padded, 30, speaker, mask, F0)
    longer = model(wide, torch.tensor([0.5]), embedded, 0 * wide, speaker, mask)
    torch.testing.assert_close(longer[:, :20], whole, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_the_prior_is_the_tokenizers_mel_head() -> None:
    config = SpeechTokenizerConfig(d_model=32, heads=2, ffn=64, layers_before=2, codes=16, code_width=8)
    trained = SpeechTokenizerTraining(config, 1, pitch=True, mel=True).eval()
    model = tiny_flow()
    model = DiT(model.config.model_copy(update={"prior_width": 256}))
    assert model.prior is not None
    assert trained.mel is not None
    model.prior.start_from(trained.code_vectors(), trained.mel.state_dict())
    tokens, speaker = torch.randint(16, (1, 10)), F.normalize(torch.randn(1, 192), dim=-1)
    wanted = trained.mel(trained.expand(trained.tokenizer.codebook.weight[tokens]), speaker, torch.ones(1, 10))
    torch.testing.assert_close(model.prior(tokens, speaker, f0_B=F0), wanted, atol=1e-4, rtol=1e-4)


def test_sampling_keeps_time() -> None:
    conditions = Conditions(torch.randint(16, (1, 15)), torch.randn(1, 192), torch.randn(1, 80, 10), F0)
    mel, state = tiny_flow().eval().sample(conditions, torch.randn(1, 30, 80), Solver(2))
    assert mel.shape == (1, 80, 30)
    assert len(state.steps) == 2


@pytest.mark.parametrize("guidance", [0.0, 0.7])
def test_rows_of_unlike_lengths_are_what_each_is_alone(guidance: float) -> None:
    """Tokens, prompts and noise of three utterances, together and one by one."""
    model, solver = tiny_flow().eval(), Solver(3, guidance, 0.3)
    lengths, prompts = torch.tensor([9, 20, 14]), torch.tensor([4, 0, 12])
    tokens, speaker = torch.randint(16, (3, 20)), torch.randn(3, 192)
    prompt, noise, f0 = torch.randn(3, 80, 12), torch.randn(3, 40, 80), torch.tensor([90.0, 150.0, 250.0])
    assert model.prior is not None
    added = 0.3 * torch.randn(3, *model.prior.head.adaptation_shape)
    together, _ = model.sample(Conditions(tokens, speaker, prompt, f0, added, lengths, prompts), noise, solver)
    for row, (length, frames) in enumerate(zip(lengths.tolist(), prompts.tolist(), strict=True)):
        one = slice(row, row + 1)
        own = Conditions(tokens[one, :length], speaker[one], prompt[one, :, :frames], f0[one], added[one])
        alone, _ = model.sample(own, noise[one, : 2 * length], solver)
        torch.testing.assert_close(together[one, :, : 2 * length], alone, atol=2e-5, rtol=0)


def test_a_late_start_is_near_the_prior() -> None:
    model, tokens, speaker = tiny_flow().eval(), torch.randint(16, (1, 15)), torch.randn(1, 192)
    noise, conditions = torch.randn(1, 30, 80), Conditions(tokens, speaker, torch.zeros(1, 80, 0), F0)
    assert model.prior is not None
    prior = model.prior(tokens, F.normalize(speaker, dim=-1), f0_B=F0).transpose(1, 2).detach()

    def distance(solver: Solver) -> float:
        return float((model.sample(conditions, noise, solver)[0] - prior).abs().mean())

    assert times(Solver(4, t_start=0.5))[0] == 0.5
    late, early = distance(Solver(4, t_start=0.98)), distance(Solver(4))
    assert late < 0.2 * early
    assert distance(Solver(4, t_start=0.9, temperature=0)) < distance(Solver(4, t_start=0.9))
    free = DiT(model.config.model_copy(update={"prior_width": None}))
    with pytest.raises(ConfigError, match="no prior"):
        free.sample(conditions, noise, Solver(2, t_start=0.5))


def test_loss_falls_on_one_batch() -> None:
    model = tiny_flow()
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    rng = np.random.default_rng(0)
    items = [
        (rng.integers(16, size=n), np.full((2 * n, 80), -5.0), rng.normal(size=192), np.full(2 * n, 120.0))
        for n in (10, 14)
    ]
    batch, losses = collate(items, 2), []
    for _ in range(60):
        loss, _ = batch_loss(model, batch, FlowLoss())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])
