"""The released flow model with the weights of the parity fixtures, made once."""

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file
from torch import Tensor

from glmtts.flow.dit import DiT, FlowConfig
from glmtts.training.config import load_config
from glmtts.weights import NoInitialisation
from tests.parity import filled

FIRST_TOKENS = 32768  # of 100,000; the fixture names none above, whose weights would take a second to draw
CONFIG = Path(__file__).parents[2] / "configs" / "flow_release.toml"
RELEASED = FlowConfig.parse(load_config(CONFIG).model | {"vocabulary": FIRST_TOKENS})


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
