"""Sessions of ONNX Runtime, set up alike everywhere."""

from pathlib import Path
from typing import Any

from glmtts.backends import backend
from glmtts.errors import BundleError

INSTALL = "pip install 'glm-tts[onnx]'"
PROVIDERS = ["CPUExecutionProvider"]


def runtime() -> Any:
    """The package onnxruntime. Raises BundleError where it is not installed."""
    return backend("onnxruntime", "This model", INSTALL, BundleError)


def session(graph: bytes | Path, threads: int, weights: Path | None = None) -> Any:
    """A session for a graph, with `threads` threads an operation; its external weights lie in the folder `weights`.

    Weights of a file are mapped into memory, and let go as soon as the kernels have them in their own order: memory
    holds them once. Threads do not spin between two calls, since flow and vocoder take turns with the session.

    Raises:
        BundleError: ONNX Runtime is missing, or cannot take the graph.
    """
    package = runtime()
    options = package.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # it would keep the largest prompt's activations, 0.1 GB of the full size
    options.add_session_config_entry("session.force_spinning_stop", "1")
    if weights is not None:
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(weights))
    try:
        return package.InferenceSession(graph if isinstance(graph, bytes) else str(graph), options, providers=PROVIDERS)
    except Exception as error:
        raise BundleError(f"ONNX Runtime cannot run this model: {str(error)[:200]}. Export or pack it again.") from None
