"""Forced alignment and the attention that is taught to follow it."""

import numpy as np
import pytest
import torch

from glmtts.judging.ctc import ctc_path
from glmtts.lm.alignment import alignment_loss
from glmtts.lm.train import LMBatch, corrupted
from glmtts.text.audio_tokens import AudioTokens
from tests.tiny import tiny_lm


def log_probs(labels: list[int], count: int = 4) -> np.ndarray:
    return np.log(np.full((len(labels), count), 0.05) + 0.8 * np.eye(count)[labels])


def test_blanks_belong_to_the_label_before() -> None:
    path = ctc_path(log_probs([0, 1, 0, 2, 2, 0, 3, 0]), np.array([1, 2, 3]))
    assert path.tolist() == [0, 0, 0, 1, 1, 1, 2, 2]


def test_a_repeated_label_needs_a_blank() -> None:
    assert ctc_path(log_probs([1, 0, 1]), np.array([1, 1])).tolist() == [0, 0, 1]
    with pytest.raises(ValueError, match="fewer frames"):
        ctc_path(log_probs([1, 1]), np.array([1, 1]))


def test_long_texts_align() -> None:
    labels = np.tile([1, 2, 3], 60)
    assert ctc_path(log_probs(labels.tolist()), labels).tolist() == list(range(180))


def test_log_weights_are_those_of_the_attention() -> None:
    model = tiny_lm(56)
    attention, x = model.model.layers[0].self_attn, torch.randn(1, 6, 32)
    log_weights = attention.log_weights(x, model.cos[:6], model.sin[:6], head=1)
    torch.testing.assert_close(log_weights.exp().sum(-1), torch.ones(1, 6))
    assert log_weights[0, 2, 3:].max() == -torch.inf
    values = attention.v_proj(x)
    with torch.no_grad():
        attention.o_proj.weight.copy_(torch.eye(32))
    mixed = attention(x, model.cos[:6], model.sin[:6], 0, None)
    torch.testing.assert_close(mixed[..., 16:], log_weights.exp() @ values, atol=1e-5, rtol=1e-4)


def test_training_moves_attention_to_the_alignment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glmtts.lm.alignment.GUIDED_LAYERS", (1,))
    model, ids = tiny_lm(56), torch.arange(20)[None]
    aligned = torch.full((1, 20), -1)
    aligned[0, 10:] = torch.arange(10) // 2
    optimizer, losses = torch.optim.AdamW(model.parameters(), 1e-2), []
    for _ in range(60):
        inputs: list[torch.Tensor] = []
        model.hidden(ids, inputs=inputs)
        loss = alignment_loss(model, inputs, aligned)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.3 * losses[0]


def test_only_speech_with_a_loss_is_corrupted() -> None:
    layout = AudioTokens(first=40, count=16, begin=38, end=39, padding=37)
    ids = torch.tensor([[5, 38, 40, 41, 42, 43]])
    targets = torch.tensor([[-100, -100, -100, 42, 43, 39]])
    batch = LMBatch(ids, targets, torch.full_like(ids, -1))
    changed = torch.stack([corrupted(layout, batch, 1.0) for _ in range(50)])
    assert (changed[..., :3] == ids[..., :3]).all()
    assert (changed[..., 3:] != ids[..., 3:]).any(0).all()
    assert changed[..., 3:].min() >= 40
    assert changed[..., 3:].max() < 56
