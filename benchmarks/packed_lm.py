"""Packed weights alone: products by bits, block and kernel; the language model in a process without PyTorch.

    python benchmarks/packed_lm.py [--packed INT4]

A product is y = W x with W of 6144 × 2048 and its transpose, three times each, 75 million weights; counted is CPU time
of one thread, the best of eight. `INT4` is a packed bundle, such as `glm-tts quantise` writes: its language model is
loaded from the file alone, reads a prompt of 100 ids and 40 more.
"""

import argparse
import json
import subprocess
import sys
import time
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from glmtts.ort.decoder import Decoder, DecoderState, Embedding
from glmtts.ort.kernels import EXACT, ROUNDED
from glmtts.ort.llama import llama_graph
from glmtts.ort.runtime import session
from glmtts.ort.tensors import stored
from glmtts.programs import a_folder, parser_of, run_program

ROWS, COLUMNS, PAIRS, RUNS = 6144, 2048, 3, 8


def speed(bits: int, block: int, level: int) -> float:
    """Billions of weights a second."""
    from onnx import TensorProto, helper, numpy_helper

    rng, nodes, weights = np.random.default_rng(0), [], []
    for place in range(2 * PAIRS):
        rows, columns = (ROWS, COLUMNS) if place % 2 == 0 else (COLUMNS, ROWS)
        groups = columns // block
        codes = rng.integers(0, 256, (rows, groups, block * bits // 8), dtype=np.uint8)
        weights.append(numpy_helper.from_array(codes, f"codes_{place}"))
        weights.append(numpy_helper.from_array(rng.random(rows * groups, dtype=np.float32) / 1000, f"scales_{place}"))
        taken = [f"x_{place}", f"codes_{place}", f"scales_{place}"]
        how: dict[str, Any] = {"K": columns, "N": rows, "bits": bits, "block_size": block, "accuracy_level": level}
        nodes.append(helper.make_node("MatMulNBits", taken, [f"x_{place + 1}"], domain="com.microsoft", **how))
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, COLUMNS]) for name in ("x_0", f"x_{2 * PAIRS}")]
    graph = helper.make_graph(nodes, "products", ends[:1], ends[1:], weights)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
    one, x, best = session(model, 1), {"x_0": np.ones((1, COLUMNS), np.float32)}, float("inf")
    for _ in range(RUNS):
        started = time.process_time()
        one.run(None, x)
        best = min(best, time.process_time() - started)
    return round(2 * PAIRS * ROWS * COLUMNS / best / 1e9, 1)


def alone(folder: Path) -> dict[str, float]:
    """Memory and time of the language model of a bundle, in this process."""
    config = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))["modules"]["lm"]["config"]
    file, sizes = folder / "lm.safetensors", SimpleNamespace(**config)
    tensors = stored(file)
    graph = llama_graph(sizes, tensors, file.name, ROUNDED)
    decoder, state = Decoder(session(graph, 1, folder), sizes, Embedding(file, tensors)), DecoderState()
    decoder.prefill(state, list(range(100)), 1)
    started = time.process_time()
    for number in range(40):
        decoder.step(state, [number])
    taken = time.process_time() - started
    assert "torch" not in sys.modules
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    peak = int(next(line for line in status if line.startswith("VmHWM")).split()[1]) * 1024 / 1e9
    return {"cpu_milliseconds_a_token": round(1000 * taken / 40, 1), "peak_gigabytes": round(peak, 2)}


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--packed", type=a_folder, help="a packed bundle")
    parser.add_argument("--only", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        print(json.dumps(alone(given.only)))
        return
    from report import environment, write_result

    kernels = {ROUNDED: "rounded", EXACT: "exact"}
    result: dict[str, Any] = {
        f"{bits} bits, blocks of {block}, activations {kernels[level]}": speed(bits, block, level)
        for level, bits, block in product((ROUNDED, EXACT), (4, 8), (32, 64, 128))
    }
    result = {**environment(), "billions_of_weights_a_second": result}
    if given.packed:
        command = [sys.executable, __file__, "--only", str(given.packed)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        result["without_pytorch"] = json.loads(done.stdout)
    write_result("packed_lm", result)


if __name__ == "__main__":
    run_program(main)
