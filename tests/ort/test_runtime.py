"""Sessions of ONNX Runtime: what they cannot compute is one sentence."""

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from onnx import TensorProto, helper

from glmtts.errors import BundleError
from glmtts.ort.runtime import Session, session


@pytest.fixture(scope="module")
def sine() -> Session:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["length"]) for name in ("x", "y"))
    graph = helper.make_graph([helper.make_node("Sin", ["x"], ["y"])], "sine", [x], [y])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return session(made.SerializeToString(), 1)


@pytest.mark.parametrize("given", [{}, {"x": np.ones((2, 2), np.float32)}, {"x": np.ones(2)}, {"y": np.ones(2)}])
def test_what_cannot_be_computed_is_one_sentence(sine: Session, given: dict[str, np.ndarray]) -> None:
    assert sine.run(None, {"x": np.zeros(3, np.float32)})[0].tolist() == [0, 0, 0]
    with pytest.raises(
        BundleError, match=r"^ONNX Runtime [\d.]+ cannot compute with this model: .*[^.]\. Export or pack"
    ):
        sine.run(None, given)
