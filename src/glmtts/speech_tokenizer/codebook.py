"""Vector quantisation: the nearest of a table of codes. How the table is trained is in codebook_training.py."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Codebook(nn.Module):
    """Nearest code by squared distance; it follows its vectors by moving averages, not by gradients."""

    def __init__(self, codes: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(codes, width), requires_grad=False)

    def nearest(self, vectors_ND: Tensor) -> Tensor:
        """Ids (N,) of the nearest codes of vectors (N, D), in float32."""
        with torch.autocast(vectors_ND.device.type, enabled=False):
            vectors, codes = vectors_ND.float(), self.weight.float()
            # ‖v − e‖² multiplied out: one product of matrices, and never the differences (N, C, D)
            distance_NK = vectors.square().sum(1, keepdim=True) - 2 * vectors @ codes.T + codes.square().sum(1)
            return distance_NK.argmin(dim=1)


def grid(levels: Sequence[int]) -> Tensor:
    """The codes of finite scalar quantisation (Mentzer et al., 2024): all points (C, D) of a grid from −1 to 1.

    Dimension d has `levels[d]` values at equal distances. The vectors that it quantises are bounded by tanh, and the
    nearest point is then each value rounded for itself.
    """
    values = [torch.linspace(-1, 1, count) for count in levels]
    return torch.cartesian_prod(*values).view(-1, len(values))


def straight_through(codebook: Codebook, vectors_ND: Tensor) -> tuple[Tensor, Tensor]:
    """Codes (N, D) whose gradient is that of the vectors, and their ids (N,), in float32."""
    vectors = vectors_ND.float()
    ids = codebook.nearest(vectors.detach())
    return vectors + (F.embedding(ids, codebook.weight) - vectors).detach(), ids
