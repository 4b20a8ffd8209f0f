"""A linear classifier over hashed features: readings of words in context, in a table of a few hundred kilobytes."""

import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from safetensors.numpy import load_file


class HashedScorer:
    """Sums the weights of features crossed with a label.

    The weight of feature f for label y lies at crc32(f|y) modulo the size of the table (feature hashing, Weinberger
    et al. 2009), so that no list of features has to be stored; collisions cost little where most weights are zero.
    """

    def __init__(self, weights: Sequence[float]) -> None:
        self._weights, self._mask = weights, len(weights) - 1

    @classmethod
    def load(cls, path: Path) -> "HashedScorer":
        """Read tensor `weights`, whose size is a power of two."""
        # a list, since Python reads single numbers out of one faster than out of an array
        return cls(load_file(path)["weights"].astype("float32").tolist())

    def score(self, features: Iterable[str], label: str) -> float:
        """Sum of the weights of `features` for `label`."""
        weights, mask = self._weights, self._mask
        return sum([weights[bucket(feature, label) & mask] for feature in features])


def bucket(feature: str, label: str) -> int:
    """The 32-bit hash of a feature crossed with a label."""
    # surrogatepass: half a surrogate pair in a text is a sign like any other, and no error
    return zlib.crc32(f"{feature}|{label}".encode("utf-8", "surrogatepass"))
