"""Transcription and its filter (report section 2.1): two recognisers, the text of the first where both agree."""

from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from pydantic import Field

from glmtts import asr
from glmtts.config import StrictConfig
from glmtts.data.pipeline.clips import Clip
from glmtts.data.pipeline.stage import Result, drop, keep
from glmtts.data.pipeline.stages.per_clip import PerClip, wave_at
from glmtts.data.pipeline.stages.token_reader import TokenReader
from glmtts.data.pipeline.stages.units import compared, error_rate, loops, word_error_rate
from glmtts.data.pipeline.stages.voice_activity import VadSettings, voice_activity
from glmtts.errors import DataError
from glmtts.text.normalise import normalise

SAMPLE_RATE = 16000
TOKENS = "tokens"  # the name of the stand-in among the recognisers


class TranscribeConfig(StrictConfig):
    """Which recognisers hear which language, and how much they may differ.

    The defaults are those of the report; a language that is not named in `first` is dropped. A name is one of
    `glmtts.asr`, or "tokens": the CTC recogniser of `bundle`, which hears phonemes and stands in where a second
    recogniser cannot be had. `max_error` is the report's: less than 5 % between the two texts, in words (English) or
    characters (Mandarin). `identify` names the recogniser that tells the language, None where the label `language` of
    every source does.
    """

    first: dict[str, str] = {"zh": "paraformer-zh", "en": "whisper-large-v3"}  # noqa: RUF012
    second: dict[str, str] = {"zh": "sensevoice", "en": "reverb"}  # noqa: RUF012
    identify: str | None = "whisper-large-v3"
    min_language_probability: float = Field(default=0.5, ge=0, le=1)
    max_error: float = Field(default=0.05, gt=0)  # the report's (section 2.1)
    max_repeats: int = Field(default=3, ge=1)
    min_speech_seconds: float = Field(default=0.3, ge=0)
    detection: VadSettings = VadSettings()
    bundle: Path | None = None
    local_only: bool = False


class Opinion(Protocol):
    """Says how far what it hears is from a text."""

    def __call__(self, wave: np.ndarray, text: str, language: str) -> tuple[float, str]:
        """Error rate against the text, and what was heard instead, of 16 kHz samples (T,)."""
        ...


class RecogniserOpinion:
    """A second speech recogniser."""

    def __init__(self, recogniser: asr.SpeechRecogniser) -> None:
        self.recogniser = recogniser

    def __call__(self, wave: np.ndarray, text: str, language: str) -> tuple[float, str]:
        """See `Opinion`; words in English, characters in Mandarin."""
        heard = self.recogniser.transcribe([wave], language)[0].text
        return error_rate(compared(heard, language), compared(text, language)), heard


class TokenOpinion:
    """The CTC recogniser of speech tokens, a stand-in: the share of words whose phonemes it mostly does not hear."""

    def __init__(self, reader: TokenReader) -> None:
        self.reader = reader

    def __call__(self, wave: np.ndarray, text: str, language: str) -> tuple[float, str]:
        """See `Opinion`."""
        heard = self.reader.phonemes(self.reader.log_probs(wave))
        return word_error_rate(heard, self.reader.wanted(normalise(text, language))), " ".join(heard)


class TranscribeStage(PerClip):
    """Adds `text` and `language`, and as `extra` what the decision was made from."""

    name: ClassVar[str] = "transcribe"
    config_class: ClassVar[type[StrictConfig]] = TranscribeConfig

    def __init__(self, config: TranscribeConfig, device: str = "cpu") -> None:
        super().__init__(config, device)
        if missing := set(config.first) - set(config.second):
            raise DataError(f"'second' names no recogniser for {', '.join(sorted(missing))}. Name one, or 'tokens'.")
        if TOKENS in config.first.values():
            raise DataError("'tokens' hears phonemes and writes no text. Name a recogniser as 'first'.")
        self._loaded: dict[str, Any] = {}
        self._first = {language: self._load(name) for language, name in config.first.items()}
        self._second = {language: self._opinion(config.second[language]) for language in config.first}
        self._identify = self._load(config.identify) if config.identify else None
        if self._identify is not None and not hasattr(self._identify, "identify"):
            raise DataError(f"'{config.identify}' cannot identify languages. Name a Whisper of faster-whisper.")
        self._detect = voice_activity(config.detection)

    def one(self, clip: Clip) -> Result:
        """The clip with its text, or why it has none."""
        wave = wave_at(clip, SAMPLE_RATE)
        # asked before any recogniser, which may write something for silence too
        if sum(end - start for start, end in self._detect(wave)) < self.config.min_speech_seconds:
            return drop(clip, "no speech to transcribe")
        # what is known of the source beforehand is believed
        language = clip.label("language") or self._language(wave)
        if language not in self._first:
            return drop(clip, "language not wanted", language=language)
        text = self._first[language].transcribe([wave], language)[0].text.strip()
        units = compared(text, language)
        if not units:
            return drop(clip, "nothing heard")
        if loops(units, self.config.max_repeats):
            return drop(clip, "recogniser in a loop", text=text)
        error, heard = self._second[language](wave, text, language)
        if not heard:
            return drop(clip, "hallucination", text=text)
        # the report keeps what is below 5 %, not what is at it
        if error >= self.config.max_error:
            return drop(clip, "recognisers disagree", error=round(error, 4), text=text, second=heard)
        return keep(clip.with_labels(text=text, language=language, asr_error=round(error, 4)))

    def _language(self, wave: np.ndarray) -> str:
        if self._identify is None:
            # a single wanted language is taken for granted
            return next(iter(self._first)) if len(self._first) == 1 else ""
        language, probability = self._identify.identify(wave)
        # an unsure guess is no language that is wanted, and the drop still tells what was guessed
        return language if probability >= self.config.min_language_probability else f"{language}?"

    def _load(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = (
                TokenReader(self.config.bundle, self.device)
                if name == TOKENS
                else asr.load(name, self.device, local_only=self.config.local_only)
            )
        return self._loaded[name]

    def _opinion(self, name: str) -> Opinion:
        loaded = self._load(name)
        return TokenOpinion(loaded) if name == TOKENS else RecogniserOpinion(loaded)
