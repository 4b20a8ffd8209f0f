"""Paraformer (Gao et al., 2022) and SenseVoice (An et al., 2024) by FunASR.

Recordings go in one by one, as in the published protocol: padded into a batch, Paraformer's results shift with what is
beside (F5-TTS's documentation has figures).
"""

import re
from collections.abc import Sequence
from threading import Lock
from typing import Any, ClassVar

import numpy as np

from glmtts.asr.transcript import AsrSettings, Transcript, Word
from glmtts.backends import backend, reason_of
from glmtts.errors import AsrError

INSTALL = "pip install funasr torchaudio"
_TAG = re.compile(r"<\|([^|]*)\|>")


class _FunAsr:
    """What both models share: loading by `AutoModel`, one recording a call."""

    OPTIONS: ClassVar[dict[str, Any]]

    def __init__(self, model: str, settings: AsrSettings, name: str) -> None:
        self.name, self._lock = name, Lock()
        module = backend("funasr", f"The recogniser '{name}'", INSTALL, AsrError)
        try:
            self.model: Any = module.AutoModel(
                model=model, device=settings.device, disable_update=True, disable_pbar=True, disable_log=True
            )
        except Exception as error:  # FunASR raises whatever its parts do, assertions among them
            reason = reason_of(error)
            raise AsrError(f"FunASR cannot load '{model}': {reason}. Give a folder or a name of its hub.") from None

    def _generate(self, wave: np.ndarray, **options: Any) -> dict[str, Any]:
        with self._lock:  # AutoModel keeps the arguments of a call in itself
            results = self.model.generate(input=wave, fs=16000, **self.OPTIONS, **options)
        return dict(results[0]) if results else {"text": ""}


class Paraformer(_FunAsr):
    """Mandarin (with English words); the recogniser of Seed-TTS-eval's Mandarin."""

    OPTIONS: ClassVar[dict[str, Any]] = {"batch_size_s": 300}  # as in Seed-TTS-eval's script

    def transcribe(self, waves: Sequence[np.ndarray], language: str | None) -> list[Transcript]:
        """One transcript a wave; the language is not asked for."""
        return [self._one(wave) for wave in waves]

    def _one(self, wave: np.ndarray) -> Transcript:
        result = self._generate(wave) if len(wave) else {"text": ""}
        return Transcript(result["text"].strip(), "zh", timed_words(result["text"].split(), result))


class SenseVoice(_FunAsr):
    """Mandarin, Cantonese, English, Japanese and Korean; numbers as they are spoken, without punctuation."""

    OPTIONS: ClassVar[dict[str, Any]] = {"batch_size_s": 60, "use_itn": False, "output_timestamp": True}
    LANGUAGES = frozenset({"zh", "en", "yue", "ja", "ko", "nospeech"})

    def transcribe(self, waves: Sequence[np.ndarray], language: str | None) -> list[Transcript]:
        """One transcript a wave; see `SpeechRecogniser`."""
        if language is not None and language not in self.LANGUAGES:
            raise AsrError(f"SenseVoice does not know the language '{language}', only {sorted(self.LANGUAGES)}.")
        return [self._one(wave, language) for wave in waves]

    def _one(self, wave: np.ndarray, language: str | None) -> Transcript:
        result = self._generate(wave, language=language or "auto", cache={}) if len(wave) else {"text": ""}
        tags = _TAG.findall(result["text"])  # language, emotion, event, with or without inverse text normalisation
        heard = language or next((tag for tag in tags if tag in self.LANGUAGES), "")
        return Transcript(_TAG.sub("", result["text"]).strip(), heard, timed_words(result.get("words", ()), result))


def timed_words(words: Sequence[str], result: dict[str, Any]) -> tuple[Word, ...]:
    """Words with FunASR's times, in milliseconds; none where there is not a pair of times for each."""
    times = result.get("timestamp") or ()
    if len(times) != len(words):
        return ()
    pairs = zip(words, times, strict=True)
    return tuple(Word(word.strip("▁ "), start / 1000, end / 1000) for word, (start, end) in pairs)
