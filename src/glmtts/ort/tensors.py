"""Where tensors lie in a safetensors file: ONNX Runtime and NumPy map them from there, and nobody copies the file."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glmtts.errors import BundleError

DTYPES = {"F32": np.float32, "F16": np.float16, "U8": np.uint8, "I8": np.int8, "I32": np.int32, "I64": np.int64}
LONGEST_HEADER = 100 << 20  # bytes; safetensors' own limit


@dataclass(frozen=True)
class Stored:
    """A tensor of a file: its type, shape, and place in bytes."""

    dtype: str
    shape: tuple[int, ...]
    offset: int
    length: int

    def mapped(self, path: Path) -> np.ndarray:
        """The tensor, read from the disk where it is looked at."""
        return np.memmap(path, DTYPES[self.dtype], "r", self.offset, self.shape)


def stored(path: Path) -> dict[str, Stored]:
    """The tensors of a file by name.

    Raises:
        BundleError: the file is no safetensors file of known types, or shorter than its header says.
    """
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if size > LONGEST_HEADER:
                raise ValueError("its header is too long")
            header = json.loads(file.read(size))
        header.pop("__metadata__", None)
        # eight bytes that tell the header's length, the header, then the tensors
        found = {name: _stored(entry, 8 + size) for name, entry in header.items()}
        if any(one.offset + one.length > path.stat().st_size for one in found.values()):
            raise ValueError("it ends too early")
    except KeyError as error:
        raise BundleError(f"{path} is no safetensors file: a tensor has no {error}. Export the model again.") from None
    except RecursionError:  # Python's parser recurses, and a header of brackets costs it the stack
        raise BundleError(f"{path} is no safetensors file: its header is nested too deep. Export it again.") from None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BundleError(f"{path} is no safetensors file: {error}. Install or export the model again.") from None
    return found


def _stored(entry: dict, start: int) -> Stored:
    if entry["dtype"] not in DTYPES:
        raise ValueError(f"a tensor is of the type {entry['dtype']}, which is not read here")
    begin, end = entry["data_offsets"]
    shape = tuple(entry["shape"])
    if not all(type(number) is int and number >= 0 for number in (*shape, begin)):
        raise ValueError("a tensor has a size or a place that is no whole number from 0 on")
    one = Stored(entry["dtype"], shape, start + begin, end - begin)
    # else a neighbour's bytes would be mapped; in Python's integers, which no size overflows
    if one.length != math.prod(shape) * np.dtype(DTYPES[one.dtype]).itemsize:
        raise ValueError("a tensor has another size than its shape")
    return one
