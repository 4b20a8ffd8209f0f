"""Whisper by Transformers, as Seed-TTS-eval runs it: greedy, one window of 30 seconds, the language forced."""

from collections.abc import Sequence
from threading import Lock
from typing import Any

import numpy as np
import torch

from glmtts.asr.transcript import AsrSettings, Transcript
from glmtts.backends import backend, reason_of
from glmtts.errors import AsrError

INSTALL = "pip install transformers"
BATCH = 8  # windows a forward pass


class TransformersWhisper:
    """WhisperForConditionalGeneration; speech after the first 30 seconds is not heard, as in the public script."""

    def __init__(self, model: str, settings: AsrSettings, name: str) -> None:
        self.name, self.device, self._lock = name, settings.device, Lock()
        module = backend("transformers", f"The recogniser '{name}'", INSTALL, AsrError)
        try:
            self.processor: Any = module.WhisperProcessor.from_pretrained(model, local_files_only=settings.local_only)
            weights = module.WhisperForConditionalGeneration.from_pretrained(
                model, local_files_only=settings.local_only
            )
        except (OSError, ValueError, TypeError) as error:
            reason = reason_of(error)
            raise AsrError(f"Whisper cannot be loaded from '{model}': {reason}. Give a folder or a Hub name.") from None
        self.model: Any = weights.to(settings.device).eval()

    @torch.inference_mode()
    def transcribe(self, waves: Sequence[np.ndarray], language: str | None) -> list[Transcript]:
        """One transcript a wave, without times; see `SpeechRecogniser`."""
        texts = [""] * len(waves)
        heard = [number for number, wave in enumerate(waves) if len(wave)]
        for start in range(0, len(heard), BATCH):
            rows = heard[start : start + BATCH]
            for row, text in zip(rows, self._window([waves[row] for row in rows], language), strict=True):
                texts[row] = text.strip()
        return [Transcript(text, language or "") for text in texts]

    def _window(self, waves: list[np.ndarray], language: str | None) -> list[str]:
        # cut or padded to 30 s: (B, bins, 3000)
        features = self.processor(waves, sampling_rate=16000, return_tensors="pt").input_features.to(self.device)
        with self._lock:  # generate() changes the model's generation settings while it runs
            try:
                ids = self.model.generate(features, language=language, task="transcribe")
            except ValueError as error:
                raise AsrError(f"{self.name} cannot transcribe: {reason_of(error)}") from None
        texts: list[str] = self.processor.batch_decode(ids, skip_special_tokens=True)
        return texts
