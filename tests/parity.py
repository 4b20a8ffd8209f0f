"""The rule by which the parity fixtures make weights."""

import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor


def filled(keys: dict[str, dict[str, Any]]) -> dict[str, Tensor]:
    """Weights for every entry that the fixture fills."""
    names = [name for name, entry in keys.items() if entry["fill"]]
    with ThreadPoolExecutor(2) as pool:  # hundreds of millions of normal numbers, drawn without Python's lock
        return dict(zip(names, pool.map(lambda name: fill(name, keys[name]["shape"]), names), strict=True))


def fill(name: str, shape: list[int]) -> Tensor:
    """One weight: normal numbers seeded by its name, scaled by what it is."""
    generator = np.random.Generator(np.random.Philox(zlib.crc32(name.encode())))
    x = generator.standard_normal(shape, dtype=np.float32)
    if name.endswith(("alpha", "original0")) or (len(shape) == 1 and name.endswith("weight")):
        x = 1 + 0.1 * x
    elif len(shape) == 1 or name.endswith(("gamma", "beta")):
        x = 0.1 * x
    elif "embed_positions" in name:
        x = 0.02 * x
    elif not name.startswith("codebook"):
        x = x / np.sqrt(np.prod(shape[1:])).astype(np.float32)
    return torch.from_numpy(x.astype(np.float32))
