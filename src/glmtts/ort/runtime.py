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
    if weights is not None and isinstance(graph, bytes):
        graph, weights = _without_links(graph, weights)
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
        reason = str(error)[:200].rstrip(" .")
        raise BundleError(
            f"ONNX Runtime {package.__version__} cannot run this model: {reason}. "
            "Install a newer ONNX Runtime, or export or pack the model again."
        ) from None


def _without_links(graph: bytes, folder: Path) -> tuple[bytes, Path]:
    """The graph and folder by the real name of its weights, where that in `folder` is a symbolic link.

    ONNX Runtime refuses weights outside their folder, and a download from the Hub is a folder of links into another.
    """
    links = {path.name: path.resolve() for path in folder.iterdir() if path.is_symlink()}
    if not links:
        return graph, folder
    onnx = backend("onnx", "A model whose files are links", INSTALL, BundleError)
    model = onnx.ModelProto.FromString(graph)
    for weight in model.graph.initializer:
        for entry in weight.external_data:
            if entry.key == "location" and entry.value in links:
                # a graph has one file of weights, so one folder
                folder = links[entry.value].parent
                entry.value = links[entry.value].name
    return model.SerializeToString(), folder
