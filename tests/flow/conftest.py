"""The released flow model with the weights of the parity fixtures, made once."""

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file
from torch import Tensor

from glmtts.flow.dit import DiT, FlowConfig
from glmtts.weights import NoInitialisation
from tests.parity import filled

FIRST_TOKENS = 32768  # of 100,000; the fixture names none above, whose weights would take a second to draw
RELEASED = FlowConfig(
    vocabulary=FIRST_TOKENS,
    token_width=512,
    token_blocks=4,
    width=768,
    blocks=18,
    heads=12,
    ff_mult=2,
    rotate_first_head_only=True,
    position_kernel=31,
    prior_width=None,
    pitch_width=None,
    mel_mean=0.0,
    mel_std=1.0,
)


@pytest.fixture(scope="session")
def fixture(parity: Path) -> dict[str, Tensor]:
    return load_file(parity / "flow.safetensors")


@pytest.fixture(scope="session")
def released(parity: Path) -> DiT:
    keys = json.loads((parity / "flow.json").read_text())["keys"]
    keys["estimator.text_emb_layer.text_embed.weight"]["shape"][0] = FIRST_TOKENS + 1  # and one for what is no token
    with NoInitialisation():
        model = DiT(RELEASED)
    weights = {name.removeprefix("estimator."): weight for name, weight in filled(keys).items()}
    missing, unexpected = model.load_state_dict(weights, strict=False, assign=True)
    assert missing == ["rotary_embed.inv_freq"]
    assert not unexpected
    return model.eval()
