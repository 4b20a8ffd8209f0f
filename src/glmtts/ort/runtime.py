"""Sessions of ONNX Runtime, set up alike everywhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from glmtts.backends import backend
from glmtts.errors import BundleError

INSTALL = "pip install 'glm-tts[onnx]'"
PROVIDERS = ["CPUExecutionProvider"]
BYTES_FOR_CACHE = (1, 30)  # 1.27 and 1.28 have the kernels, and write beside their buffers


class Session:
    """A session of ONNX Runtime; what it cannot compute is one sentence, as of a graph and sizes that do not fit."""

    def __init__(self, session: Any, version: str) -> None:
        self._session, self._version = session, version
        self.io_binding, self.get_inputs = session.io_binding, session.get_inputs

    def run(self, names: list[str] | None, given: dict[str, np.ndarray]) -> list[Any]:
        """The outputs of these names, or all, for inputs by name.

        Raises:
            BundleError: the graph does not take them, or fails.
        """
        with self._told():
            outputs: list[Any] = self._session.run(names, given)
        return outputs

    def run_with_iobinding(self, binding: Any) -> None:
        """Compute where the arrays of a binding lie. Raises BundleError as `run` does."""
        with self._told():
            self._session.run_with_iobinding(binding)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # ONNX Runtime's own, RuntimeError and ValueError
            raise BundleError(
                f"ONNX Runtime {self._version} cannot compute with this model: {_reason(error)}. "
                "Export or pack the model again."
            ) from None


def runtime() -> Any:
    """The package onnxruntime. Raises BundleError where it is not installed."""
    return backend("onnxruntime", "This model", INSTALL, BundleError)


def bytes_for_cache() -> bool:
    """Whether this ONNX Runtime can keep keys and values in eight bits."""
    found = [int(part) for part in runtime().__version__.split(".")[:2] if part.isdigit()]
    return tuple(found) >= BYTES_FOR_CACHE


def session(graph: bytes | Path, threads: int, weights: Path | None = None) -> Session:
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
        opened = package.InferenceSession(
            graph if isinstance(graph, bytes) else str(graph), options, providers=PROVIDERS
        )
    except Exception as error:
        raise BundleError(
            f"ONNX Runtime {package.__version__} cannot run this model: {_reason(error)}. "
            "Install a newer ONNX Runtime, or export or pack the model again."
        ) from None
    return Session(opened, package.__version__)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(" .")


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
