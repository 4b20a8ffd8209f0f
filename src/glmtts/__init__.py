"""GLM-TTS: zero-shot text to speech for Mandarin and English.

import glmtts
tts = glmtts.load()
tts.say("The rain in Spain stays mainly in the plain.").save("out.wav")
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glmtts.synthesis.audio import Audio
    from glmtts.synthesis.synthesizer import Synthesizer
    from glmtts.synthesis.voice import Voice

__all__ = ["Audio", "Synthesizer", "Voice", "load"]

_PLACES = {"Audio": "audio", "Synthesizer": "synthesizer", "Voice": "voice"}


def load(model: str | Path | None = None, device: str = "cpu", allow_program: bool = False) -> "Synthesizer":
    """Open a model bundle (the embedded one by default) for synthesis.

    `allow_program` lets a bundle run a program that it brings along, such as the released 32 kHz vocoder.

    Raises:
        BundleError: the folder is no bundle, or corrupt.
    """
    import torch

    from glmtts.bundle import Bundle
    from glmtts.synthesis.synthesizer import Synthesizer

    return Synthesizer(Bundle.open(model, torch.device(device), allow_program))


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(import_module(f"glmtts.synthesis.{_PLACES[name]}"), name)
    raise AttributeError(f"module 'glmtts' has no attribute '{name}'")
