"""Slaney's filters of a mel, in NumPy: the front ends with and without PyTorch share them."""

import math
from functools import cache

import numpy as np


@cache
def slaney_filters(sample_rate: int, n_fft: int, n_mels: int, f_min: float, f_max: float) -> np.ndarray:
    """Triangular filters on Slaney's mel scale, each of unit area; float32, shape (n_mels, n_fft // 2 + 1).

    The scale is linear to 1 kHz (66.67 Hz a mel) and logarithmic above (27 mels to a factor of 6.4).
    """
    mels = np.linspace(_hz_to_mel(f_min), _hz_to_mel(f_max), n_mels + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp((mels - 15) * math.log(6.4) / 27))
    bins = np.linspace(0, sample_rate / 2, n_fft // 2 + 1)
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.maximum(0, np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre)))
    # unit area: a wide filter of high frequencies does not sum to more than a narrow one
    filters = np.asarray(triangles * 2 / (right - left), np.float32)
    filters.flags.writeable = False  # the same array serves all who ask
    return filters


def _hz_to_mel(hz: float) -> float:
    if hz < 1000:
        return hz * 3 / 200
    return 15 + 27 * math.log(hz / 1000) / math.log(6.4)
