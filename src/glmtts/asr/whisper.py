"""Whisper (Radford et al., 2022) by faster-whisper (CTranslate2): any size, with the times of words."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from glmtts.asr.transcript import AsrSettings, Transcript, Word
from glmtts.backends import backend, reason_of
from glmtts.errors import AsrError
from glmtts.text.script import simplified

INSTALL = "pip install 'glm-tts[asr]'"
# without it Whisper writes Mandarin in traditional characters and without punctuation about half of the time
PROMPTS = {"zh": "以下是普通话的句子。"}


class FasterWhisper:
    """Beam search of 5 with the usual fallback to higher temperatures; float32 on a CPU, float16 on a GPU.

    Text before a window does not condition it: that is what lets Whisper fall into loops.
    """

    def __init__(self, model: str, settings: AsrSettings, name: str) -> None:
        self.name, self.settings = name, settings
        module = backend("faster_whisper", f"The recogniser '{name}'", INSTALL, AsrError)
        kind, _, index = settings.device.partition(":")
        try:
            self.model: Any = module.WhisperModel(
                model,
                device=kind,
                device_index=int(index or 0),
                compute_type="float32" if kind == "cpu" else "float16",
                cpu_threads=settings.threads,
                local_files_only=settings.local_only,
            )
        except (OSError, RuntimeError, ValueError) as error:
            reason = reason_of(error)
            raise AsrError(
                f"The Whisper model '{model}' cannot be loaded: {reason}. Give a size such as whisper-base, or "
                "whisper:FOLDER with a model in CTranslate2's format."
            ) from None

    def transcribe(self, waves: Sequence[np.ndarray], language: str | None) -> list[Transcript]:
        """One transcript a wave; see `SpeechRecogniser`."""
        return [self._one(wave, language) for wave in waves]

    def identify(self, wave: np.ndarray) -> tuple[str, float]:
        """The language of 16 kHz samples (T,), by its code, and its probability; of its first 30 seconds."""
        if not len(wave):
            return "", 0.0
        language, probability, _ = self.model.detect_language(wave)
        return language, float(probability)

    def _one(self, wave: np.ndarray, language: str | None) -> Transcript:
        if not len(wave):
            return Transcript("", language or "")
        try:
            segments, info = self.model.transcribe(
                wave,
                language=language,
                beam_size=5,
                condition_on_previous_text=False,
                initial_prompt=PROMPTS.get(language or ""),
                word_timestamps=self.settings.word_times,
            )
        except ValueError as error:  # an unknown language
            raise AsrError(f"{self.name} cannot transcribe: {reason_of(error)}") from None
        # a generator: the transcription runs here
        parts = list(segments)
        # the prompt asks for simplified characters; where no language was given there was none
        write = simplified if info.language == "zh" else str
        words = (word for part in parts for word in part.words or ())
        return Transcript(
            write("".join(part.text for part in parts).strip()),
            info.language,
            tuple(Word(write(word.word.strip()), float(word.start), float(word.end)) for word in words),
            _confidence(parts),
        )


def _confidence(segments: Sequence[Any]) -> float | None:
    """Geometric mean of the tokens' probabilities over all segments."""
    tokens = sum(len(segment.tokens) for segment in segments)
    if not tokens:
        return None
    # a segment's figure is the mean of its tokens: weighted, so that a long one counts for more
    return math.exp(sum(segment.avg_logprob * len(segment.tokens) for segment in segments) / tokens)
