"""Block-causal attention for streams, in frames and in tokens.

A frame sees the whole of its block and all blocks before it, and in the second half of a block also a look-ahead
beyond itself, so that the first frames of the next block are known to the last ones of this. Blocks and their
look-ahead are the release's.
"""

from collections.abc import Sequence

import numpy as np

LONG_BLOCK = 172  # frames; the release looks further ahead in longer blocks


def look_ahead(block: int) -> int:
    """Frames that a frame of a block of `block` frames sees beyond itself: half a block, two thirds of a long one."""
    return block * 2 // 3 if block > LONG_BLOCK else block // 2


def tokens_needed(block: int, frames_per_token: int) -> int:
    """Tokens that must be there before a block of `block` tokens can be computed: itself and its look-ahead."""
    return block + look_ahead(frames_per_token * block) // frames_per_token


def block_causal_mask(blocks: Sequence[int], frames: int) -> np.ndarray:
    """True where row i may attend to column j, (frames, frames), for blocks of these sizes; the last one repeats."""
    ends_T = np.empty(frames, dtype=np.int64)
    start, number = 0, 0
    while start < frames:
        size = blocks[min(number, len(blocks) - 1)]
        rows = np.arange(start, min(start + size, frames))
        # in the first half of a block its end is further than the look-ahead, in the second the look-ahead is
        ends_T[rows] = np.maximum(rows + 1 + look_ahead(size), start + size)
        start, number = start + size, number + 1
    return np.arange(frames)[None, :] < ends_T[:, None]
