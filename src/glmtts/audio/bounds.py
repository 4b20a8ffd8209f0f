"""What counts as a recording; apart from the readers, which need torch, so that workers without it start quickly."""

import numpy as np

LOWEST_RATE, HIGHEST_RATE = 4000, 384_000  # Hz; telephones have 8000. At 1 Hz, resampling multiplies by 24,000
LOUDEST = 100.0  # peaks of float files reach 2 or 3; beyond 1e18 squares overflow, and a mel has no finite values


def all_finite(values: np.ndarray) -> bool:
    """Whether samples or features of any shape hold neither NaN nor infinity; integers never do."""
    return values.dtype.kind not in "fc" or bool(np.isfinite(values).all())
