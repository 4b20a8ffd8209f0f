"""Reverb (Rev, 2024): English, verbatim. Its weights are for non-commercial use."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import soundfile
import torch

from glmtts.asr.transcript import AsrSettings, Transcript, Word
from glmtts.backends import backend
from glmtts.errors import AsrError

INSTALL = "pip install git+https://github.com/revdotcom/reverb.git"


class Reverb:
    """CTC prefix beam search, every word as it is said (verbatimicity 1)."""

    def __init__(self, model: str, settings: AsrSettings, name: str) -> None:
        self.name, self._lock = name, Lock()
        module = backend("wenet", f"The recogniser '{name}'", INSTALL, AsrError)
        # the original WeNet has the same name
        if not hasattr(module, "load_model"):
            raise AsrError(f"The installed package wenet is not Reverb's. Install Reverb's with: {INSTALL}")
        try:
            self.model: Any = module.load_model(model)
        except (OSError, ValueError, IndexError, RuntimeError) as error:
            raise AsrError(f"Reverb cannot be loaded from '{model}': {error}. Give its folder.") from None
        self.model.device = torch.device(settings.device)
        self.model.model.to(settings.device)

    def transcribe(self, waves: Sequence[np.ndarray], language: str | None) -> list[Transcript]:
        """One transcript a wave, English only; see `SpeechRecogniser`."""
        if language not in (None, "en"):
            raise AsrError(f"Reverb hears English only, not '{language}'. Choose another recogniser.")
        return [self._one(wave) for wave in waves]

    def _one(self, wave: np.ndarray) -> Transcript:
        if not len(wave):
            return Transcript("", "en")
        with tempfile.TemporaryDirectory() as folder, self._lock:  # it reads files
            path = Path(folder) / "speech.wav"
            soundfile.write(path, wave, 16000)
            return read_ctm(self.model.transcribe(str(path), format="ctm", verbatimicity=1.0))


def read_ctm(lines: str) -> Transcript:
    """A NIST CTM file of one recording: `file channel start duration word [confidence]` a line, times in seconds."""
    rows = [line.split() for line in lines.splitlines() if line.strip()]
    words = tuple(Word(row[4], float(row[2]), round(float(row[2]) + float(row[3]), 3)) for row in rows)
    scores = [float(row[5]) for row in rows if len(row) > 5]
    # a score of 0 has no logarithm
    mean = float(np.exp(np.mean(np.log(np.clip(scores, 1e-6, 1))))) if scores else None
    return Transcript(" ".join(word.text for word in words), "en", words, mean)
