"""One packed matrix, multiplied by ONNX Runtime."""

from functools import cache
from typing import Any

import torch
from torch import Tensor

from glmtts.errors import BundleError
from glmtts.lm.quantised.packing import BLOCK

INT8_ACTIVATIONS = (
    4  # the operator's accuracy level; with its default, float32 activations, it is no faster than float32
)
OPSET, IR_VERSION = 17, 9


class Matrix:
    """x ↦ x Wᵀ with packed W; activations are rounded to eight bits, a block at a time.

    The packed weights are given to the runtime, which keeps them in its own order: they are not held twice.
    """

    def __init__(self, packed_NGB: Tensor, scales_NG: Tensor, bits: int) -> None:
        rows, groups, _ = packed_NGB.shape
        options = _runtime().SessionOptions()
        options.log_severity_level = 3
        options.add_session_config_entry("session.force_spinning_stop", "1")
        _share_threads(options)
        self._session = _runtime().InferenceSession(
            _program(packed_NGB, scales_NG, rows, groups * BLOCK, bits), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, x: Tensor) -> Tensor:
        """Shape (…, K) to (…, N), float32 on the CPU."""
        (product,) = self._session.run(None, {"x": x.contiguous().flatten(0, -2).numpy()})
        return torch.from_numpy(product).view(*x.shape[:-1], -1)


def _program(packed_NGB: Tensor, scales_NG: Tensor, rows: int, columns: int, bits: int) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    node = helper.make_node(
        "MatMulNBits",
        ["x", "packed", "scales"],
        ["y"],
        domain="com.microsoft",
        K=columns,
        N=rows,
        bits=bits,
        block_size=BLOCK,
        accuracy_level=INT8_ACTIVATIONS,
    )
    weights = [
        numpy_helper.from_array(packed_NGB.numpy(), "packed"),
        numpy_helper.from_array(scales_NG.flatten().numpy(), "scales"),
    ]
    taken = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", columns])
    given = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", rows])
    graph = helper.make_graph([node], "matrix", [taken], [given], weights)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION).SerializeToString()


def _share_threads(options: Any) -> None:
    """One pool of threads for all matrices, of torch's size; none where that is one."""
    if torch.get_num_threads() == 1:
        options.intra_op_num_threads = 1
        return
    _one_pool(torch.get_num_threads())
    options.use_per_session_threads = False


@cache
def _one_pool(threads: int) -> None:
    _runtime().set_global_thread_pool_sizes(threads, 1)


@cache
def _runtime() -> Any:
    try:
        import onnx  # noqa: F401
        import onnxruntime
    except ImportError:
        raise BundleError("Packed weights need ONNX Runtime. Install it with: pip install 'glm-tts[onnx]'") from None
    return onnxruntime
