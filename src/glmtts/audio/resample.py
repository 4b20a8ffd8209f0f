"""Sample-rate conversion."""

import soxr
import torch
from torch import Tensor


def resample(samples_T: Tensor, from_rate: int, to_rate: int) -> Tensor:
    """Samples (T,) at `from_rate` Hz as samples at `to_rate` Hz, float32."""
    if from_rate == to_rate:
        return samples_T
    return torch.from_numpy(soxr.resample(samples_T.numpy(), from_rate, to_rate)).float()
