"""An integration at padded lengths is the one of the real frames."""

import pytest
import torch

from glmtts.adapters import Adapter, LowRank
from glmtts.flow.dit import DiT
from glmtts.flow.streaming import block_causal_mask
from glmtts.flow.velocity import SHORTEST, padded_length
from glmtts.stages import Conditions, Solver
from tests.host_free import Watched
from tests.tiny import CODES, tiny_flow


@pytest.fixture(scope="module")
def model() -> DiT:
    torch.manual_seed(1)
    model = tiny_flow().eval().requires_grad_(False)
    for block in model.transformer_blocks:  # else their gates are closed
        torch.nn.init.normal_(block.attn_norm.linear.weight, std=0.3)
    return model


def conditions(tokens: int, lengths: list[int] | None = None, adapter: Adapter | None = None) -> Conditions:
    torch.manual_seed(tokens)
    return Conditions(
        torch.randint(CODES, (2, tokens)),
        torch.randn(2, 192),
        torch.randn(2, 80, 10),
        torch.tensor([120.0, 200.0]),
        lengths_B=None if lengths is None else torch.tensor(lengths),
        adapters=[adapter, adapter],
    )


def mels(model: DiT, given: Conditions, solver: Solver, mask: torch.Tensor | None = None) -> tuple[torch.Tensor, ...]:
    """Without and with recordings, which a CPU runs as they are."""
    noise_BTM = torch.randn(2, 2 * given.tokens_BS.shape[1], 80)
    model.accelerate("none")
    plain_BMT, _ = model.sample(given, noise_BTM, solver, mask)
    model.accelerate("graphs")
    found_BMT, _ = model.sample(given, noise_BTM, solver, mask)
    model.accelerate("none")
    return plain_BMT, found_BMT


@pytest.mark.parametrize("tokens", [20, 64, 75])
@pytest.mark.parametrize("guidance", [0.0, 0.7])
def test_padding_changes_nothing(model: DiT, tokens: int, guidance: float) -> None:
    plain_BMT, found_BMT = mels(model, conditions(tokens), Solver(3, guidance))
    torch.testing.assert_close(found_BMT, plain_BMT, atol=1e-4, rtol=1e-4)


def test_rows_of_unlike_lengths_and_streams_too(model: DiT) -> None:
    plain_BMT, found_BMT = mels(model, conditions(75, [75, 40]), Solver(2))
    torch.testing.assert_close(found_BMT[0], plain_BMT[0], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found_BMT[1, :, :80], plain_BMT[1, :, :80], atol=1e-4, rtol=1e-4)
    mask = block_causal_mask([10, 20, 40], 150)
    plain_BMT, found_BMT = mels(model, conditions(75), Solver(2), mask)
    assert not torch.allclose(plain_BMT, mels(model, conditions(75), Solver(2))[0])
    torch.testing.assert_close(found_BMT, plain_BMT, atol=1e-4, rtol=1e-4)


def test_a_step_can_be_recorded(model: DiT) -> None:
    """As far as a CPU can tell."""
    model.accelerate("graphs")
    assert model.recorded is not None
    model.recorded._replayer = Watched()
    try:
        for mask in (None, block_causal_mask([10, 20], 40)):
            mel_BMT, _ = model.sample(conditions(20), torch.randn(2, 40, 80), Solver(2), mask)
            assert mel_BMT.isfinite().all()
    finally:
        model.accelerate("none")


def test_low_rank_parts_count(model: DiT) -> None:
    part = LowRank(torch.randn(4, 32), torch.randn(32, 4))
    adapter = Adapter({"transformer_blocks.0.attn.to_q": part})
    plain_BMT, found_BMT = mels(model, conditions(20, adapter=adapter), Solver(2))
    assert torch.equal(plain_BMT, found_BMT)
    assert not torch.allclose(plain_BMT, mels(model, conditions(20), Solver(2))[0])


def test_lengths_are_few_and_padding_is_bounded() -> None:
    lengths = [padded_length(frames) for frames in range(1, 5000)]
    assert all(frames <= length for frames, length in enumerate(lengths, 1))
    assert all(length <= 1.25 * frames for frames, length in enumerate(lengths, 1) if frames > SHORTEST)
    assert len(set(lengths)) < 25
