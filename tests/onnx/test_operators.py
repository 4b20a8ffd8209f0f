"""What stands for a part of the flow in its graph computes what that part does."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from glmtts.bundle import Bundle
from glmtts.flow.dit import DiT, FlowConfig
from glmtts.flow.layers import Attention, Rotary
from glmtts.onnx.export import trace
from glmtts.onnx.graphs import FlowVelocityGraph
from glmtts.onnx.operators import HalfRotary, JoinedAttention, Mish, as_bias
from glmtts.ort.runtime import session

FRAMES = 9


def test_mish_is_torchs_at_every_size() -> None:
    x = torch.cat([torch.linspace(-120, 120, 4801), torch.tensor([-1e30, 1e30, 0.0])])
    torch.testing.assert_close(Mish()(x), nn.functional.mish(x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("reach", [FRAMES, 2, 0], ids=["all", "near", "itself"])
def test_joined_attention_is_attention(reach: int) -> None:
    torch.manual_seed(0)
    attention, rotary = Attention(24, 3, rotate_first_head_only=False), Rotary(8)
    x, places = torch.randn(2, FRAMES, 24), torch.arange(FRAMES)
    allowed = (places[:, None] - places[None]).abs() <= reach
    wanted = attention(x, rotary(FRAMES), allowed[None, None])
    found = JoinedAttention(attention)(x, HalfRotary(rotary)(FRAMES), as_bias(allowed)[None, None])
    torch.testing.assert_close(found, wanted)


def given(config: FlowConfig, frames: int, reach: int) -> dict[str, Tensor]:
    places = torch.arange(frames)
    width = config.token_width + (config.n_mels if config.prior_width else 0)
    return {
        "noisy": torch.randn(2, frames, config.n_mels),
        "t": torch.tensor([0.2, 0.9]),
        "embedded": torch.randn(2, frames, width),
        "prompt": torch.randn(2, frames, config.n_mels),
        "speaker": torch.randn(2, config.speaker_width),
        "attention_mask": places[None] <= places[:, None] + reach,
    }


@pytest.mark.parametrize("first_only", [False, True])
def test_a_graph_of_the_velocity_gives_what_the_flow_does(tmp_path: Path, first_only: bool) -> None:
    torch.manual_seed(1)
    sizes = {"vocabulary": 20, "token_width": 8, "token_blocks": 1, "width": 24, "blocks": 2, "n_mels": 6}
    config = FlowConfig(
        **sizes, speaker_width=5, prior_width=None, pitch_width=None, position_kernel=3, position_groups=4,
        rotate_first_head_only=first_only,
    )  # fmt: skip
    flow = DiT(config).eval()
    for parameter in flow.parameters():  # gates begin at 0, and would hide what they let through
        nn.init.normal_(parameter, std=0.3)
    axes = {name: {0: "rows", 1: "frames"} for name in ("noisy", "embedded", "prompt")}
    axes |= {"t": {0: "rows"}, "speaker": {0: "rows"}, "attention_mask": {0: "frames", 1: "frames"}}
    trace(FlowVelocityGraph(flow), given(config, 5, 5), axes, tmp_path / "velocity.onnx")
    one = session(tmp_path / "velocity.onnx", 1)
    for frames, reach in ((1, 0), (FRAMES, FRAMES), (40, 3)):
        inputs = given(config, frames, reach)
        mask = inputs.pop("attention_mask")
        with torch.inference_mode():
            wanted = flow(*inputs.values(), None, mask)
        found = one.run(None, {name: value.numpy() for name, value in (inputs | {"attention_mask": mask}).items()})[0]
        np.testing.assert_allclose(found, wanted.numpy(), atol=1e-4 * float(wanted.abs().max()))
    assert isinstance(flow.transformer_blocks[0].attn, Attention)  # type: ignore[union-attr]


def test_the_velocity_of_the_bundle_has_few_operators(tiny_folder: Path, exported_folder: Path) -> None:
    graph = onnx.load(exported_folder / "flow_velocity.onnx").graph
    kinds = [node.op_type for node in graph.node]
    blocks = len(Bundle.open(tiny_folder).network("flow").transformer_blocks)  # type: ignore[arg-type]
    assert kinds.count("MultiHeadAttention") == kinds.count("FastGelu") == blocks
    assert not {"Softplus", "Softmax", "Tanh", "Neg"} & set(kinds)
