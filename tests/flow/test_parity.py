"""The flow model computes what the released one computes, whole and in blocks.

One file, since its 200 million weights are drawn once a process.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from glmtts.flow.dit import DiT
from glmtts.flow.streaming import block_causal_mask
from glmtts.stages import Conditions, Solver

pytestmark = pytest.mark.long
BLOCKS_IN_TOKENS = (10, 5, 10, 20)


@torch.inference_mode()
def test_velocity(released: DiT, fixture: dict[str, Tensor]) -> None:
    frames = fixture["noise"].shape[1]
    tokens = torch.cat([fixture["prompt_token"], fixture["token"]], dim=1)
    velocity = released(
        fixture["noise"],
        torch.tensor([0.3]),
        released.embed_tokens(tokens, frames, fixture["embedding"]),
        F.pad(fixture["prompt_feat"], (0, 0, 0, frames - fixture["prompt_feat"].shape[1])),
        F.normalize(fixture["embedding"], dim=-1),
    )
    torch.testing.assert_close(velocity, fixture["velocity_t0.3"], atol=2e-4, rtol=0)


def test_ten_steps(released: DiT, fixture: dict[str, Tensor]) -> None:
    tokens = torch.cat([fixture["prompt_token"], fixture["token"]], dim=1)
    prompt = fixture["prompt_feat"].transpose(1, 2)
    conditions = Conditions(tokens, fixture["embedding"], prompt)
    mel, _ = released.sample(conditions, fixture["noise"], Solver(10, 0.7))
    torch.testing.assert_close(mel[:, :, prompt.shape[2] :], fixture["mel_full"], atol=2e-4, rtol=0)


def released_block_frames(tokens: int) -> int:
    """Frames that the release counts for a block of `tokens` tokens: a slip, since there are two a token."""
    return int(tokens / 12.5 * 22050 / 256)


@pytest.fixture(scope="module")
def visible(fixture: dict[str, Tensor]) -> Tensor:
    blocks = [released_block_frames(tokens) for tokens in BLOCKS_IN_TOKENS]
    return block_causal_mask(blocks, fixture["noise"].shape[1])


@pytest.mark.parametrize("blocks", [(21, 43, 86), (86, 43, 86, 344)])
def test_masks(fixture: dict[str, Tensor], blocks: tuple[int, ...]) -> None:
    wanted = fixture["block_mask_" + "_".join(map(str, blocks))].bool()
    assert torch.equal(block_causal_mask(blocks, len(wanted)), wanted)


@torch.inference_mode()
def test_velocity_in_blocks(released: DiT, fixture: dict[str, Tensor], visible: Tensor) -> None:
    frames = fixture["noise"].shape[1]
    velocity = released(
        fixture["noise"],
        torch.tensor([0.3]),
        released.embed_tokens(
            torch.cat([fixture["prompt_token"], fixture["token"]], dim=1), frames, fixture["embedding"]
        ),
        F.pad(fixture["prompt_feat"], (0, 0, 0, frames - fixture["prompt_feat"].shape[1])),
        F.normalize(fixture["embedding"], dim=-1),
        attention_mask=visible,
    )
    torch.testing.assert_close(velocity, fixture["velocity_block_causal_t0.3"], atol=2e-4, rtol=0)


def test_two_chunks(released: DiT, fixture: dict[str, Tensor], visible: Tensor) -> None:
    tokens = torch.cat([fixture["prompt_token"], fixture["token"]], dim=1)
    prompt, speaker, noise = fixture["prompt_feat"].transpose(1, 2), fixture["embedding"], fixture["noise"]

    def chunk(frames: int, finished: tuple | None = None) -> tuple:
        part = visible[:frames, :frames]
        conditions = Conditions(tokens[:, : frames // 2], speaker, prompt)
        mel, state = released.sample(conditions, noise[:, :frames], Solver(10, 0.7), part, finished)
        return mel[:, :, prompt.shape[2] :], state

    whole, _ = chunk(250)
    torch.testing.assert_close(whole, fixture["mel_block_causal"], atol=2e-4, rtol=0)
    first, state = chunk(150)
    torch.testing.assert_close(first, fixture["mel_stream_chunk1"], atol=2e-4, rtol=0)
    second, _ = chunk(250, (state, 126))
    torch.testing.assert_close(second, fixture["mel_stream_chunk2"], atol=2e-4, rtol=0)
