"""Block-causal attention for streams as PyTorch's tensors; blocks.py has the rule."""

from collections.abc import Sequence

import torch
from torch import Tensor

from glmtts.flow import blocks as rule


def block_causal_mask(blocks: Sequence[int], frames: int) -> Tensor:
    """True where row i may attend to column j, (frames, frames), for blocks of these sizes; the last one repeats."""
    return torch.from_numpy(rule.block_causal_mask(blocks, frames))
