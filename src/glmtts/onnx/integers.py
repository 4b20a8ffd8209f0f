"""Graphs whose matrices have eight bits: the products of integers that processors are fastest at.

A weight matrix is rounded once, with a scale for each of its outputs; what it multiplies is rounded at each call, with
one scale for all of it (ONNX Runtime's dynamic quantisation). Convolutions, and products of two activations, stay as
they are. Measured on `mini`: the log-mel moves by 0.033 on average, where another seed of the flow's noise moves it by
0.076, without bias; the judge of tokens chooses the same candidate in 77 of 80 lines.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MATRICES = ["MatMul", "Gemm"]


def round_matrices(path: Path) -> None:
    """Write the graph `path` anew with its weight matrices in eight bits."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _silent():
        quantize_dynamic(
            path,
            path,
            op_types_to_quantize=MATRICES,
            weight_type=QuantType.QInt8,
            per_channel=True,
            # seven bits of the eight: without VNNI a processor adds two products in sixteen bits, which overflow
            reduce_range=True,
            extra_options={"MatMulConstBOnly": True},
        )


@contextmanager
def _silent() -> Iterator[None]:
    """Without the root logger's advice to simplify a graph first, which ONNX Runtime does itself when it opens it."""

    def refuse(record: logging.LogRecord) -> bool:
        return False

    root = logging.getLogger()
    root.addFilter(refuse)
    try:
        yield
    finally:
        root.removeFilter(refuse)
