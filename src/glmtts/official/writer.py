"""Safetensors files written one tensor at a time, so that memory holds one tensor and not the model."""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from glmtts import durable

DTYPES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}


def write_safetensors(
    path: Path, shapes: dict[str, tuple[int, ...]], tensor: Callable[[str], Tensor], dtype: torch.dtype
) -> None:
    """Write every tensor of `shapes` as `dtype`; `path` appears whole or not at all.

    The format: eight bytes of header length, a JSON header padded with blanks, then the bytes of the tensors.

    Raises:
        OSError: the disk does not take it.
    """
    header, position = {}, 0
    for name, shape in shapes.items():
        # one type for all, so each tensor lies aligned to it
        end = position + torch.Size(shape).numel() * dtype.itemsize
        header[name] = {"dtype": DTYPES[dtype], "shape": list(shape), "data_offsets": [position, end]}
        position = end
    text = json.dumps(header).encode()
    # the tensors begin at a multiple of eight bytes
    text += b" " * (-len(text) % 8)
    with durable.whole(path) as temporary, temporary.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in shapes:
            value = tensor(name).to(dtype).contiguous()
            # as bytes, since NumPy has no bfloat16
            file.write(value.flatten().view(torch.uint8).numpy().data)
