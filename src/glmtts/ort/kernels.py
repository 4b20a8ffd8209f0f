"""Which kernel multiplies packed weights fastest on this processor: measured on first use, and remembered.

ONNX Runtime has kernels that round activations to eight bits (accuracy level 4) and kernels that keep them in float32
(level 0). With AVX-512 VNNI or AVX-VNNI the first are two to four times as fast; without such instructions they may be
slower, and then nothing is gained by the rounding. The answer lies in the user's cache folder; it may be deleted.
"""

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from glmtts import durable
from glmtts.ort.runtime import runtime, session

ROUNDED, EXACT = 4, 0
WORTH = 1.1  # times as fast must the rounding kernel be
INPUTS, OUTPUTS = 2048, 6144  # of the matrix that is measured, the largest kind of the full size
RUNS = 5


def accuracy_level(bits: int, block: int, threads: int) -> int:
    """The accuracy level to use for weights of `bits` bits in blocks of `block`, from the cache or measured now.

    It takes a tenth of a second, once for each version of ONNX Runtime and kind of processor.
    """
    folder = cache_folder()
    path = None if folder is None else folder / "kernels.json"
    key = f"{_processor()}, onnxruntime {runtime().__version__}, {bits} bits, blocks of {block}, {threads} threads"
    known = {} if path is None else _read(path)
    # a user may have edited the file
    if known.get(key) not in (ROUNDED, EXACT):
        seconds = {level: _measured(bits, block, threads, level) for level in (ROUNDED, EXACT)}
        known[key] = ROUNDED if WORTH * seconds[ROUNDED] < seconds[EXACT] else EXACT
        if path is not None:
            _write(path, known)
    return int(known[key])


def cache_folder() -> Path | None:
    """Where this program keeps what it can make again; None for a user without a home, as containers have them."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "glm-tts"
    except RuntimeError:  # no HOME, and the system does not know the user's number
        return None


def _measured(bits: int, block: int, threads: int, level: int) -> float:
    """Seconds of one product, the best of a few."""
    one = session(_program(bits, block, level), threads)
    # one row, as in a step of decoding
    x, taken = {"x": np.ones((1, INPUTS), np.float32)}, []
    for _ in range(RUNS):
        started = time.perf_counter()
        one.run(None, x)
        taken.append(time.perf_counter() - started)
    # the least, since other programs only ever make it slower
    return min(taken)


def _program(bits: int, block: int, level: int) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    groups = INPUTS // block
    weights = [
        numpy_helper.from_array(np.full((OUTPUTS, groups, block * bits // 8), 90, np.uint8), "packed"),
        numpy_helper.from_array(np.full(OUTPUTS * groups, 0.01, np.float32), "scales"),
    ]
    shape: dict[str, Any] = {"K": INPUTS, "N": OUTPUTS, "bits": bits, "block_size": block, "accuracy_level": level}
    node = helper.make_node("MatMulNBits", ["x", "packed", "scales"], ["y"], domain="com.microsoft", **shape)
    taken = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", INPUTS])
    given = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", OUTPUTS])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    graph = helper.make_graph([node], "matrix", [taken], [given], weights)
    return helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()


def _processor() -> str:
    """Its name and the instructions that decide; the architecture where the system tells no more."""
    import platform

    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    # reversed: of many processors the first one's fields stay
    fields = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    found = {name.strip(): value.strip() for name, value in fields.items()}
    flags = [flag for flag in found.get("flags", "").split() if "vnni" in flag or flag in ("avx2", "avx512f")]
    return " ".join([found.get("model name", platform.machine()), *sorted(flags)])


def _read(path: Path) -> dict[str, Any]:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(path: Path, known: dict[str, Any]) -> None:
    """Keep what was measured, where the folder can be written."""
    with suppress(OSError):  # a home that takes nothing: it is measured again next time
        path.parent.mkdir(parents=True, exist_ok=True)
        # of a drawn name: two processes may measure at once
        with durable.filled(durable.new_beside(path, ".part"), path) as part:
            part.write_text(json.dumps(known, indent=1), encoding="utf-8")
