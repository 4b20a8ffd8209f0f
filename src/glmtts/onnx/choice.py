"""Whether ONNX Runtime speaks; asked before anything large is imported."""

from pathlib import Path

from glmtts.errors import BundleError, ConfigError
from glmtts.places import EXPORTED_FILE, is_file


def is_exported(folder: Path) -> bool:
    """Whether `glm-tts export-onnx` wrote a folder.

    Raises:
        BundleError: it cannot be looked into.
    """
    return is_file(folder / EXPORTED_FILE, BundleError)


def check_cpu(device: str, allow_program: bool) -> None:
    """Refuse what ONNX Runtime does not do here.

    Raises:
        ConfigError: another device than the CPU is wanted, or a program of the bundle's own.
    """
    if device.strip().lower() not in ("auto", "cpu") or allow_program:
        raise ConfigError(
            "ONNX Runtime speaks on the CPU, and runs no program. Leave out --device and --allow-program."
        )
