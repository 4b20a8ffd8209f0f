"""Block sizes of the released streaming."""


def released_block_frames(tokens: int) -> int:
    """Frames that the release counts for a block of `tokens` tokens, ⌊tokens / 12.5 · 22050 / 256⌋.

    The token rate is 25 Hz and the frame rate 50 Hz, so this is a slip; the released weights with block-causal
    attention were run so, and nothing else should be.
    """
    return int(tokens / 12.5 * 22050 / 256)
