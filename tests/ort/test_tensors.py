"""Where tensors lie in a file: a header from a stranger is one sentence, and maps nothing that is not the tensor."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from glmtts.errors import BundleError
from glmtts.ort.tensors import stored


def test_tensors_are_mapped_where_they_lie(tmp_path: Path) -> None:
    wanted = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.arange(5, dtype=np.int8)}
    save_file(wanted, tmp_path / "x.safetensors")
    found = stored(tmp_path / "x.safetensors")
    for name, one in found.items():
        assert np.array_equal(one.mapped(tmp_path / "x.safetensors"), wanted[name])
    assert found.keys() == wanted.keys()


def entry(**change: Any) -> bytes:
    return json.dumps({"a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16], **change}}).encode()


@pytest.mark.parametrize(
    "header",
    [
        entry(shape=[-2, -2]),
        entry(shape=[2.0, 2.0]),
        entry(shape=[2**32, 2**32], data_offsets=[0, 0]),
        entry(shape=[10**30, 10**30]),
        entry(shape="22"),
        entry(data_offsets=[-16, 0]),
        entry(data_offsets=[0.0, 16.0]),
        entry(data_offsets=[0, 16, 32]),
        entry(dtype="F64"),
        entry(dtype=[]),
        b"[" * 100_000,
        b"[]",
        b"{}" * 2,
        b"\xff\xfe",
    ],
)
def test_a_header_that_makes_no_sense_is_one_sentence(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(64))
    with pytest.raises(BundleError, match=r"x\.safetensors is no safetensors file: .*again\.$"):
        stored(path)


def test_a_file_that_ends_too_early_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    for data in (b"", b"\1", (1 << 60).to_bytes(8, "little"), len(entry()).to_bytes(8, "little") + entry() + bytes(15)):
        path.write_bytes(data)
        with pytest.raises(BundleError, match=r"x\.safetensors is no safetensors file"):
            stored(path)
