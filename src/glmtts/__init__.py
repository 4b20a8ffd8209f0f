"""GLM-TTS: zero-shot text to speech for Mandarin and English.

import glmtts
tts = glmtts.load()
tts.say("The rain in Spain stays mainly in the plain.").save("out.wav")
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glmtts.errors import (
    AsrError,
    AudioError,
    BundleError,
    ConfigError,
    DataError,
    EmptyTextError,
    EvaluationError,
    GlmTtsError,
    ReleaseError,
    RlError,
    TextError,
    TrainingError,
    VoiceError,
)
from glmtts.threads import use_threads, wait_without_spinning

if TYPE_CHECKING:
    from glmtts.onnx.synthesizer import OnnxSynthesizer
    from glmtts.synthesis.audio import Audio
    from glmtts.synthesis.reading import read_book
    from glmtts.synthesis.synthesizer import Synthesizer
    from glmtts.synthesis.voice import Voice

    __version__: str

__all__ = [
    "AsrError",
    "Audio",
    "AudioError",
    "BundleError",
    "ConfigError",
    "DataError",
    "EmptyTextError",
    "EvaluationError",
    "GlmTtsError",
    "ReleaseError",
    "RlError",
    "Synthesizer",
    "TextError",
    "TrainingError",
    "Voice",
    "VoiceError",
    "__version__",
    "load",
    "load_onnx",
    "read_book",
]

# what brings PyTorch along is imported when it is asked for: the command line must be quick
_PLACES = {"Audio": "audio", "Synthesizer": "synthesizer", "Voice": "voice", "read_book": "reading"}

wait_without_spinning()  # for the case that PyTorch is imported after us


def load_onnx(model: str | Path, threads: int | None = None) -> "OnnxSynthesizer":
    """Open a model that `glm-tts export-onnx` wrote, for synthesis by ONNX Runtime, without PyTorch.

    Raises:
        BundleError: the folder holds no exported model, or a corrupt one; or ONNX Runtime is not installed.
        ConfigError: the number of threads is not one or more.
    """
    from glmtts.onnx.bundle import OnnxBundle
    from glmtts.onnx.synthesizer import OnnxSynthesizer

    return OnnxSynthesizer(OnnxBundle.open(model, threads))


def load(
    model: str | Path | None = None,
    device: str = "auto",
    allow_program: bool = False,
    threads: int | None = None,
    acceleration: str = "auto",
) -> "Synthesizer":
    """Open a model bundle (the embedded one by default) for synthesis.

    `device` is auto (a CUDA GPU where there is one), cpu, cuda, cuda:1, … or mps. `allow_program` lets a bundle run a
    program that it brings along, such as the released 32 kHz vocoder. On a CPU, an operation of the whole process has
    one thread for a small bundle, and as many as the machine or its container allows for a large one, unless `threads`
    or the variable OMP_NUM_THREADS says how many (threads.py has the reason).

    `acceleration` is `auto` (CUDA graphs on a CUDA GPU, nothing elsewhere), `none`, `graphs`, or `compile`: graphs of
    what torch.compile has compiled, which takes minutes at first and needs a compiler.

    Raises:
        BundleError: the folder is no bundle, or corrupt.
        ConfigError: there is no such device or acceleration, or the number of threads is not one or more.
    """
    from glmtts.bundle import Bundle
    from glmtts.device import chosen_device
    from glmtts.graphs import chosen
    from glmtts.synthesis.synthesizer import Synthesizer

    bundle = Bundle.open(model, chosen_device(device), allow_program)
    # before any module is loaded, which asks for it once
    bundle.acceleration = chosen(acceleration, bundle.device)
    use_threads(bundle.folder, threads=threads)
    return Synthesizer(bundle)


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(import_module(f"glmtts.synthesis.{_PLACES[name]}"), name)
    if name == "__version__":
        from glmtts.version import installed_version

        return installed_version()
    raise AttributeError(f"module 'glmtts' has no attribute '{name}'")
