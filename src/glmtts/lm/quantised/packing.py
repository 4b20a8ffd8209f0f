"""Weights of four or eight bits in blocks that share a scale, in the layout of MatMulNBits.

w ≈ (q − 2^(bits − 1)) · scale, with q of `bits` bits and one scale for each `block` weights of a row.
"""

import torch
from torch import Tensor

ROWS = 256  # that are packed at a time: what is written then fits the cache, and it takes a quarter of the time
# The largest weight of a block need not be the largest that can be written: most errors are those of the many small
# ones. Of these shares of it the one with the least squared error is taken, block by block.
SHARES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75)


def quantised(weight_NK: Tensor, bits: int, block: int = 32) -> tuple[Tensor, Tensor]:
    """Packed weights (N, K / block, block · bits / 8) uint8 and scales (N, K / block) float32 of a matrix (N, K).

    Raises:
        ValueError: K is no multiple of `block`.
    """
    columns = weight_NK.shape[1]
    if columns % block:
        raise ValueError(f"A matrix of {columns} columns cannot be cut into blocks of {block}.")
    parts = [_quantised(part.view(-1, columns // block, block), bits) for part in weight_NK.split(ROWS)]
    codes_NGB, scales_NG = (torch.cat(each) for each in zip(*parts, strict=True))
    if bits == 4:
        # MatMulNBits reads the lower half of a byte first
        codes_NGB = codes_NGB[..., 0::2] | (codes_NGB[..., 1::2] << 4)
    return codes_NGB.contiguous(), scales_NG


def _quantised(blocks_NGB: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    blocks_NGB = blocks_NGB.float()
    scales_NG = _scales(blocks_NGB, bits)
    return _codes(blocks_NGB, scales_NG, bits), scales_NG


def restored(packed_NGB: Tensor, scales_NG: Tensor, bits: int) -> Tensor:
    """The matrix (N, K) float32 that packed weights and scales, shaped as `quantised` gives them, stand for."""
    if bits == 4:
        packed_NGB = torch.stack([packed_NGB & 15, packed_NGB >> 4], dim=-1).flatten(2)
    return ((packed_NGB.float() - 2 ** (bits - 1)) * scales_NG[..., None]).flatten(1)


def _scales(blocks_NGB: Tensor, bits: int) -> Tensor:
    """The scale of each block with the least squared error, 1 where all weights are zero."""
    # integers of two's complement reach one further below zero than above: the scale fits the side that is shorter
    largest_NG = blocks_NGB.abs().amax(-1) / (2 ** (bits - 1) - 1)
    best_NG = torch.where(largest_NG > 0, largest_NG, torch.ones(()))
    least_NG = torch.full_like(best_NG, torch.inf)
    for share in SHARES:
        scales_NG = torch.where(largest_NG > 0, share * largest_NG, torch.ones(()))
        # what a decoder will see, with the clamp that a smaller scale brings
        written_NGB = (_codes(blocks_NGB, scales_NG, bits).float() - 2 ** (bits - 1)) * scales_NG[..., None]
        error_NG = (written_NGB - blocks_NGB).square().sum(-1)
        best_NG = torch.where(error_NG < least_NG, scales_NG, best_NG)
        least_NG = torch.minimum(error_NG, least_NG)
    return best_NG


def _codes(blocks_NGB: Tensor, scales_NG: Tensor, bits: int) -> Tensor:
    half = 2 ** (bits - 1)
    # + half: unsigned, about the zero point 2^(bits − 1) that MatMulNBits takes where none is given
    return ((blocks_NGB / scales_NG[..., None]).round().clamp(-half, half - 1) + half).to(torch.uint8)
