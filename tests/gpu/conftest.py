"""What needs a GPU; skipped where there is none."""

import pytest
import torch


@pytest.fixture(autouse=True)
def gpu() -> torch.device:
    """The first GPU."""
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU that torch can use")
    return torch.device("cuda")
