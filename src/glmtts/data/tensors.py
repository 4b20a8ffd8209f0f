"""Arrays in one safetensors file: written as a stream that is hashed on the way, read through a memory map.

`safetensors.numpy` writes from memory alone, and an hour of encoder states is 184 MB; its reader copies. The format
is the same, so that any safetensors reader opens these files.
"""

import hashlib
import json
import math
import mmap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from glmtts import durable
from glmtts.errors import DataError

_NAMES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint64": "U64",
    "uint32": "U32",
    "uint16": "U16",
    "uint8": "U8",
    "bool": "BOOL",
}
_DTYPES = {short: np.dtype(name).newbyteorder("<") for name, short in _NAMES.items()}
_CHUNK = 1 << 22  # bytes; a choice


@dataclass(frozen=True)
class Streamed:
    """An array whose bytes lie in a file of their own until they are written."""

    path: Path
    dtype: np.dtype
    shape: tuple[int, ...]


def check_dtype(name: str) -> None:
    """Refuse what safetensors cannot hold, by NumPy's name of the type.

    Raises:
        DataError: the type has no name there.
    """
    if name not in _NAMES:
        raise DataError(f"arrays of type {name} cannot be stored. Use one of {', '.join(_NAMES)}.")


def bytes_of(array: np.ndarray) -> bytes:
    """The values as safetensors holds them: in order, the lowest byte of each first, whatever the array's order is."""
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()


def write_tensors(path: Path, arrays: Mapping[str, np.ndarray | Streamed], metadata: Mapping[str, str]) -> str:
    """Write a safetensors file, flushed to the disk; gives its sha256.

    Wider types come first, so that each array lies aligned to its type.
    """
    ordered = sorted(arrays.items(), key=lambda item: -item[1].dtype.itemsize)
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    end = 0
    for name, array in ordered:
        start, end = end, end + math.prod(array.shape) * array.dtype.itemsize
        kind = _NAMES[array.dtype.name]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [start, end]}
    text = json.dumps(header, ensure_ascii=False).encode()
    # the format pads the header with blanks, so that the arrays begin at a multiple of eight bytes
    text += b" " * (-len(text) % 8)
    digest = hashlib.sha256()
    with path.open("wb") as file:
        # a chain, not a tuple, which would hold every chunk in memory before the first is written
        for chunk in chain([len(text).to_bytes(8, "little"), text], *(_chunks(a) for _, a in ordered)):
            digest.update(chunk)
            file.write(chunk)
    durable.sync(path)
    return digest.hexdigest()


def _chunks(array: np.ndarray | Streamed) -> Iterable[bytes]:
    if isinstance(array, np.ndarray):
        yield bytes_of(array)
        return
    with array.path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


@dataclass(frozen=True)
class TensorFile:
    """The arrays of a file, as views of its memory map, and its metadata."""

    arrays: dict[str, np.ndarray]
    metadata: dict[str, str]


def read_tensors(path: Path) -> TensorFile:
    """Map a safetensors file into memory; pages are read as they are touched.

    Raises:
        DataError: the file is missing, cut off or no safetensors file.
    """
    try:
        with path.open("rb") as file:
            # a damaged head may claim any size, and so much would be asked for
            size = min(int.from_bytes(file.read(8), "little"), path.stat().st_size)
            header = json.loads(file.read(size))
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        metadata = header.pop("__metadata__", {})
        return TensorFile({name: _view(mapped, 8 + size, entry) for name, entry in header.items()}, metadata)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise DataError(
            f"{path} cannot be read: {error}. Restore it from a copy, or delete its shard and write it again."
        ) from None


def _view(mapped: mmap.mmap, first: int, entry: dict) -> np.ndarray:
    dtype, shape = _DTYPES[entry["dtype"]], tuple(entry["shape"])
    array = np.frombuffer(mapped, dtype, math.prod(shape), first + entry["data_offsets"][0])
    return array.reshape(shape)


def sha256_of(path: Path) -> str:
    """The sha256 of a file.

    Raises:
        DataError: the file is missing.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. Restore it from a copy.") from None
