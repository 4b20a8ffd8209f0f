"""Forced alignment and the attention that is taught to follow it."""

import numpy as np
import pytest
import torch
from torch import nn

from glmtts.ctc import ctc_costs, ctc_path
from glmtts.lm.alignment import alignment_loss, log_weights
from glmtts.lm.model import Llama
from glmtts.lm.sequences import Example, collate
from glmtts.lm.train import corrupted
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
    weights = log_weights(attention, x, model.cos[:6], model.sin[:6], head=1)
    torch.testing.assert_close(weights.exp().sum(-1), torch.ones(1, 6))
    assert weights[0, 2, 3:].max() == -torch.inf
    values = attention.v_proj(x)
    with torch.no_grad():
        attention.o_proj.weight.copy_(torch.eye(32))
    mixed = attention(x, model.cos[:6], model.sin[:6], 0, None)
    torch.testing.assert_close(mixed[..., 16:], weights.exp() @ values, atol=1e-5, rtol=1e-4)


def guidance(model: Llama) -> torch.Tensor:
    """The loss of layer 1 on twenty ids, of which the last ten look at the first five."""
    inputs: list[torch.Tensor] = []
    model.hidden(torch.arange(20)[None], inputs=inputs)
    return alignment_loss(model, inputs, torch.arange(10, 20), torch.arange(10) // 2, layers=(1,))


def test_training_moves_attention_to_the_alignment() -> None:
    model = tiny_lm(56)
    optimizer, losses = torch.optim.AdamW(model.parameters(), 1e-2), []
    for _ in range(60):
        loss = guidance(model)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.3 * losses[0]


class Adapted(nn.Module):
    """A projection with a low-rank adapter, as LoRA libraries put in its place."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down, self.up = nn.Linear(base.in_features, 2, bias=False), nn.Linear(2, base.out_features, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base(x) + self.up(self.down(x))


def test_adapters_are_guided_too() -> None:
    model = tiny_lm(56)
    attention = model.model.layers[1].self_attn
    attention.q_proj, attention.k_proj = Adapted(attention.q_proj), Adapted(attention.k_proj)
    guidance(model).backward()
    for adapter in (attention.q_proj, attention.k_proj):
        assert adapter.base.weight.grad is None
        assert adapter.up.weight.grad.abs().max() > 0


def test_nothing_aligned_costs_nothing() -> None:
    model, inputs = tiny_lm(56), list[torch.Tensor]()
    model.hidden(torch.arange(6)[None], inputs=inputs)
    none = torch.zeros(0, dtype=torch.long)
    assert float(alignment_loss(model, inputs, none, none, layers=(0, 1)).detach()) == 0


def test_only_speech_with_a_loss_is_corrupted() -> None:
    layout = AudioTokens(first=40, count=16, begin=38, end=39, padding=37)
    batch = collate(layout, [Example([5, 38, 40, 41, 42, 43], [-1, -1, -1, 42, 43, 39], [-1] * 6)])
    changed = torch.stack([corrupted(layout, batch, 1.0) for _ in range(50)])
    assert (changed[..., :3] == batch.ids_BL[..., :3]).all()
    assert (changed[..., 3:] != batch.ids_BL[..., 3:]).any(0).all()
    assert changed[..., 3:].min() >= 40
    assert changed[..., 3:].max() < 56


@pytest.mark.parametrize("scale", [1.0, 60.0])
def test_costs_of_all_lengths_are_those_of_ctc(scale: float) -> None:
    """The second scale leaves nothing of probabilities: logarithms must take over."""
    generator = torch.Generator().manual_seed(3)
    log_probs = (scale * torch.randn(40, 9, generator=generator)).log_softmax(1)
    labels = torch.tensor([3, 3, 1, 4, 8, 2])
    costs = ctc_costs(log_probs.numpy(), labels.numpy())
    lengths = torch.arange(1, 41)
    wanted = torch.nn.functional.ctc_loss(
        log_probs[:, None].expand(-1, 40, -1), labels.expand(40, -1), lengths, torch.full((40,), 6), reduction="none"
    )
    np.testing.assert_allclose(costs, wanted.numpy(), rtol=1e-4)


def test_an_id_at_the_beginning_counts_once() -> None:
    model = tiny_lm(56)
    inputs: list[torch.Tensor] = []
    model.hidden(torch.arange(8)[None], inputs=inputs)
    layer = model.model.layers[1]
    weights = log_weights(layer.self_attn, layer.input_layernorm(inputs[1]), model.cos[:8], model.sin[:8], 0)
    loss = alignment_loss(model, inputs, torch.tensor([6]), torch.tensor([0]), layers=(1,))
    torch.testing.assert_close(loss, -weights[0, 6, :2].logsumexp(0))
