"""Vector quantisation: the nearest of a table of codes. How the table is trained is in codebook_training.py."""

import torch
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
            distance_NK = vectors.square().sum(1, keepdim=True) - 2 * vectors @ codes.T + codes.square().sum(1)
            return distance_NK.argmin(dim=1)
