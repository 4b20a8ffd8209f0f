"""Pronunciation: exp(−2.5 · error rate), heard by the bundle's token recogniser or by an ASR system (report 2.4)."""

import math
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, get_args

import torch
from pypinyin import Style, lazy_pinyin

from glmtts.asr import SAMPLE_RATE, SpeechRecogniser, Transcript, load
from glmtts.audio.resample import resample
from glmtts.errors import ConfigError
from glmtts.rl.rewards.base import Completion, Context, Reward
from glmtts.text.edits import error_rate
from glmtts.text.labels import without_boundaries
from glmtts.text.mandarin import CHINESE
from glmtts.text.normalise import normalise

SLOPE = 2.5  # of the report's release
TOKENS = "tokens"  # the name of the bundle's own recogniser
Unit = Literal["characters", "syllables", "phonemes"]


class ErrorRate(Reward):
    """exp(−slope · error rate).

    `heard_by` "tokens" reads phonemes from the speech tokens: nothing is rendered, and the bundle's recogniser does it
    in one forward. Any other name is a recogniser of `glmtts.asr`. `unit` is what errors are counted in: characters
    (words in English), syllables with their tones, or phonemes. `device` is where that recogniser lies.
    """

    def __init__(
        self,
        context: Context,
        heard_by: str = TOKENS,
        unit: Unit | None = None,
        slope: float = SLOPE,
        device: str = "cpu",
    ) -> None:
        super().__init__(context)
        if heard_by == TOKENS:
            context.check_recogniser()
        self.heard_by, self.slope, self.device = heard_by, slope, device
        self.unit: Unit = unit or ("phonemes" if heard_by == TOKENS else "characters")
        if self.unit not in get_args(Unit):
            raise ConfigError(f"The unit of the reward cer is '{unit}'. Give {', '.join(get_args(Unit))}.")
        if not (isinstance(slope, int | float) and 0 < slope < math.inf):
            raise ConfigError(
                f"The slope of the reward cer is {slope}. Give a number above 0; the usual one is {SLOPE}."
            )
        if heard_by == TOKENS and self.unit == "characters":
            raise ConfigError("The token recogniser hears phonemes: set unit to phonemes or syllables.")
        self.needs_audio = self.hears({"heard_by": heard_by})

    @classmethod
    def hears(cls, options: Mapping[str, Any]) -> bool:
        """Whether an ASR listens."""
        return options.get("heard_by", TOKENS) != TOKENS

    @cached_property
    def _recogniser(self) -> SpeechRecogniser:
        return load(self.heard_by, self.device)

    def prepare(self) -> None:
        """Load the ASR, where one listens."""
        if self.needs_audio:
            _ = self._recogniser

    def score(self, completions: Sequence[Completion]) -> list[float | None]:
        """See the class; None where the recogniser gave nothing to compare with."""
        rates = self._by_tokens(completions) if self.heard_by == TOKENS else self._by_asr(completions)
        return [None if rate is None else math.exp(-self.slope * rate) for rate in rates]

    def _by_tokens(self, completions: Sequence[Completion]) -> list[float | None]:
        readings = self.context.synthesizer.judge.readings([one.tokens for one in completions])
        rates: list[float | None] = []
        for one, reading in zip(completions, readings, strict=True):
            if reading is None or not one.phonemes:
                rates.append(None)
            elif self.unit == "phonemes":
                rates.append(error_rate(without_boundaries(one.phonemes), without_boundaries(reading.labels)))
            else:
                rates.append(error_rate(syllables(one.phonemes), syllables(reading.labels)))
        return rates

    def _by_asr(self, completions: Sequence[Completion]) -> list[float | None]:
        rates = list[float | None]()
        for one, transcript in zip(completions, transcribed(self._recogniser, completions), strict=True):
            wanted, heard = (units_of(text, one.language, self.unit) for text in (one.text, transcript.text))
            rates.append(error_rate(wanted, heard) if wanted else None)
        return rates


def transcribed(recogniser: SpeechRecogniser, completions: Sequence[Completion]) -> list[Transcript]:
    """What a recogniser hears in each answer."""
    heard = []
    for one in completions:
        wave = resample(torch.from_numpy(one.audio()), one.rate, SAMPLE_RATE).numpy()
        # one by one: a call has one language, and answers may be in two
        heard += recogniser.transcribe([wave], one.language)
    return heard


def syllables(labels: Sequence[str]) -> list[str]:
    """Phonemes joined between boundaries: toned syllables in Mandarin, words in English."""
    return [part.replace(" ", "") for part in " ".join(labels).split("|") if part.strip()]


def units_of(text: str, language: str, unit: Unit) -> list[str]:
    """Words (English) or characters (Mandarin) of a normalised text, or its toned syllables or phonemes."""
    # both sides go through this: an ASR may write digits where the text has words
    normal = normalise(text, "zh" if language == "zh" else "en")
    if language != "zh":
        # words, whatever `unit` is: it divides Mandarin alone
        return re.findall(r"[a-z']+", normal.lower())
    characters = CHINESE.findall(normal)
    if unit == "characters":
        return characters
    toned = lazy_pinyin("".join(characters), style=Style.TONE3, neutral_tone_with_five=True)
    return toned if unit == "syllables" else [sound for syllable in toned for sound in _initial_and_final(syllable)]


def _initial_and_final(syllable: str) -> list[str]:
    # two letters first, else z would be cut out of zh
    initial = re.match(r"zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw]?", syllable)
    head = initial.group() if initial else ""
    return [part for part in (head, syllable[len(head) :]) if part]
