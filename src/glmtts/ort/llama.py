"""The graph of a Llama that is decoded step by step, for ONNX Runtime: weights stay in their safetensors file.

One call reads the newest positions of B rows and gives the logits of their next speech token. Keys and values lie in
buffers (B, heads, positions, head_dim) that the operator GroupQueryAttention writes in place; each row has its own
length, so no row is padded. Matrices are float32, or of 4 or 8 bits (MatMulNBits), as the file holds them. Keys and
values have eight bits where it holds their scales.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from glmtts.backends import backend
from glmtts.errors import BundleError
from glmtts.ort.runtime import INSTALL
from glmtts.ort.tensors import Stored

MICROSOFT = "com.microsoft"
OPSET, IR_VERSION = 17, 9
ONNX_TYPES = {"F32": 1, "U8": 2, "I8": 3}
HEAD_CHANNELS = 16  # GroupQueryAttention turns heads of whole multiples of so many


class Sizes(Protocol):
    """What the graph needs to know of a model (lm/config.py has it)."""

    hidden_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    intermediate_size: int
    rope_theta: float
    rms_norm_eps: float
    max_positions: int


def key_value_names(layers: int) -> list[tuple[str, str]]:
    """Inputs and outputs that hold keys and values, in the order of `DecoderState`'s buffers."""
    return [(f"past_{kind}_{n}", f"present_{kind}_{n}") for n in range(layers) for kind in ("key", "value")]


def scale_names(layer: int) -> list[str]:
    """What a file calls the scales (heads, 1, head_dim) of a layer's keys and values of eight bits."""
    return [f"{layer}.key_scale", f"{layer}.value_scale"]


def check_heads(sizes: Sizes) -> None:
    """See that ONNX Runtime can turn the heads of a model, before anything is written.

    Raises:
        BundleError: their width is no multiple of `HEAD_CHANNELS`.
    """
    if sizes.head_dim % HEAD_CHANNELS:
        raise BundleError(
            f"The language model has heads of {sizes.head_dim} channels, and ONNX Runtime takes multiples of "
            f"{HEAD_CHANNELS}. Speak it with PyTorch, unpacked."
        )


def llama_graph(sizes: Sizes, tensors: Mapping[str, Stored], file: str, accuracy_level: int) -> bytes:
    """The serialised graph, whose weights lie in `file`.

    Inputs are `hidden` (B, L, D), the embedded ids; `last` (B,), the place of each row's last id; `total` (1,), the
    longest row with what is new; and keys and values. `logits` are (B, C). `accuracy_level` is that of MatMulNBits: 4
    rounds activations to eight bits, 0 keeps float32.

    Raises:
        BundleError: the package onnx is not installed, or as `check_heads` does.
    """
    check_heads(sizes)
    backend("onnx", "This model", INSTALL, BundleError)
    return _Graph(sizes, tensors, file, accuracy_level).serialised()


class _Graph:
    """A graph as it is built."""

    def __init__(self, sizes: Sizes, tensors: Mapping[str, Stored], file: str, accuracy_level: int) -> None:
        self.sizes, self.tensors, self.file, self.accuracy_level = sizes, tensors, file, accuracy_level
        self.nodes: list[Any] = []
        self.weights: dict[str, Any] = {}

    def serialised(self) -> bytes:
        from onnx import TensorProto, helper, numpy_helper

        angles = _angles(self.sizes)
        for name, values in (("cos", np.cos(angles)), ("sin", np.sin(angles)), ("newest", np.array(-1, np.int64))):
            self.weights[name] = numpy_helper.from_array(values, name)
        self._model()
        batch: list[Any] = ["rows", "fresh", self.sizes.hidden_size]
        taken = [helper.make_tensor_value_info("hidden", TensorProto.FLOAT, batch)]
        taken += [helper.make_tensor_value_info("last", TensorProto.INT32, ["rows"])]
        taken += [helper.make_tensor_value_info("total", TensorProto.INT32, [1])]
        given = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", "choices"])]
        cache: list[Any] = ["rows", self.sizes.num_kv_heads, "positions", self.sizes.head_dim]
        kept = TensorProto.INT8 if scale_names(0)[0] in self.tensors else TensorProto.FLOAT
        for past, present in key_value_names(self.sizes.num_layers):
            taken.append(helper.make_tensor_value_info(past, kept, cache))
            given.append(helper.make_tensor_value_info(present, kept, cache))
        graph = helper.make_graph(self.nodes, "llama", taken, given, list(self.weights.values()))
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION).SerializeToString()

    def _model(self) -> None:
        (normed,) = self._node(
            "SimplifiedLayerNormalization", ["hidden", self._own("norm.0.attention")], 1, **self._eps
        )
        residual = "hidden"
        for number in range(self.sizes.num_layers):
            mixed = self._attention(number, normed)
            # each sum goes on as the residual, its norm as the input of what follows
            normed, residual = self._normed_sum(self._product(f"{number}.o", mixed), residual, f"{number}.feed_forward")
            following = f"{number + 1}.attention" if number + 1 < self.sizes.num_layers else "final"
            normed, residual = self._normed_sum(self._feed_forward(number, normed), residual, following)
        # only the last id of each row goes on to the head: of a prompt nothing else is asked
        # a scalar index takes its axis away: (B, L, D) to (B, D)
        (last,) = self._node("Gather", [normed, "newest"], 1, axis=1)
        self._product("head", last, "logits")

    def _attention(self, number: int, normed: str) -> str:
        """Grouped queries with RoPE on halves; writes keys and values where they lie."""
        (key, key_after), (value, value_after) = key_value_names(number + 1)[2 * number :]
        # two empty names: keys and values come joined with the queries
        taken = [self._product(f"{number}.qkv", normed), "", "", key, value, "last", "total", "cos", "sin"]
        given = [f"mixed_{number}", key_after, value_after]
        how: dict[str, Any] = {"num_heads": self.sizes.num_heads, "kv_num_heads": self.sizes.num_kv_heads}
        scales = scale_names(number)
        if scales[0] in self.tensors:
            # three empty names: places, a bias, and sinks, which the model has not
            taken += ["", "", "", *(self._own(name) for name in scales)]
            how |= {"kv_cache_bit_width": 8, "k_quant_type": "PER_CHANNEL", "v_quant_type": "PER_CHANNEL"}
        self._node("GroupQueryAttention", taken, given, MICROSOFT, do_rotary=1, **how)
        return given[0]

    def _feed_forward(self, number: int, normed: str) -> str:
        """SwiGLU; QuickGelu with α = 1 is SiLU."""
        gate, up = self._node("Split", [self._product(f"{number}.gate_up", normed), self._halves()], 2, axis=-1)
        (activated,) = self._node("QuickGelu", [gate], 1, MICROSOFT, alpha=1.0)
        (inner,) = self._node("Mul", [activated, up], 1)
        return self._product(f"{number}.down", inner)

    def _normed_sum(self, x: str, residual: str, norm: str) -> tuple[str, str]:
        taken, place = [x, residual, self._own(f"norm.{norm}")], len(self.nodes)
        # the operator's second and third outputs, mean and deviation, are for training
        given = [f"normed_{place}", "", "", f"sum_{place}"]
        self._node("SkipSimplifiedLayerNormalization", taken, given, MICROSOFT, **self._eps)
        return given[0], given[3]

    def _product(self, name: str, x: str, out: str = "") -> str:
        """x Wᵀ with a packed W, or one that is stored transposed, (inputs, outputs)."""
        given = [out or f"product_{len(self.nodes)}"]
        if f"{name}.weight" in self.tensors:
            self._node("MatMul", [x, self._own(f"{name}.weight")], given)
            return given[0]
        rows, groups, packed = self.tensors[f"{name}.packed"].shape
        block = _block(sizes=self.sizes, name=name, groups=groups)
        # `packed` is the number of bytes of a block
        shape = {"K": groups * block, "N": rows, "bits": packed * 8 // block, "block_size": block}
        weights = [self._own(f"{name}.packed"), self._own(f"{name}.scales")]
        self._node("MatMulNBits", [x, *weights], given, MICROSOFT, **shape, accuracy_level=self.accuracy_level)
        return given[0]

    def _own(self, name: str) -> str:
        """A weight of the file; scales are taken as one row."""
        from onnx import TensorProto

        one = self.tensors[name]
        shape = [int(np.prod(one.shape))] if name.endswith(".scales") else list(one.shape)
        kept = TensorProto(name=name, data_type=ONNX_TYPES[one.dtype], dims=shape, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", self.file), ("offset", one.offset), ("length", one.length)):
            kept.external_data.add(key=key, value=str(value))
        self.weights[name] = kept
        return name

    def _halves(self) -> str:
        from onnx import numpy_helper

        self.weights["halves"] = numpy_helper.from_array(
            np.array(2 * [self.sizes.intermediate_size], np.int64), "halves"
        )
        return "halves"

    def _node(
        self, kind: str, taken: list[str], given: list[str] | int, domain: str = "", **attributes: Any
    ) -> list[str]:
        from onnx import helper

        names = given if isinstance(given, list) else list(self._names(given))
        self.nodes.append(helper.make_node(kind, taken, names, domain=domain, **attributes))
        return names

    def _names(self, count: int) -> Iterator[str]:
        yield from (f"value_{len(self.nodes)}_{place}" for place in range(count))

    @property
    def _eps(self) -> dict[str, Any]:
        return {"epsilon": self.sizes.rms_norm_eps}


def _block(sizes: Sizes, name: str, groups: int) -> int:
    """Weights that share a scale, from the inputs of a matrix."""
    part = name.partition(".")[2] or name
    inputs = {"o": sizes.num_heads * sizes.head_dim, "down": sizes.intermediate_size}.get(part, sizes.hidden_size)
    return inputs // groups


def _angles(sizes: Sizes) -> np.ndarray:
    """Angles of RoPE (positions, head_dim / 2) float32."""
    powers = np.arange(0, sizes.head_dim, 2, dtype=np.float32) / sizes.head_dim
    # half the head's width: the operator turns both halves by the same angles, as lm/model.py
    frequencies = (np.float32(sizes.rope_theta) ** -powers).astype(np.float32)
    return np.outer(np.arange(sizes.max_positions, dtype=np.float32), frequencies)
