"""The version of the installed package, which has two names: with PyTorch, and without (docs/onnx.md)."""

from importlib.metadata import PackageNotFoundError, version

NAMES = ("glm-tts", "glm-tts-onnx")


def installed_version() -> str:
    """The version of the distribution that this code was installed by; `unknown` where it only lies on the path."""
    for name in NAMES:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "unknown"
