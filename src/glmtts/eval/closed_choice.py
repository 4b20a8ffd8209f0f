"""Which of a few readings Whisper hears at one place of a recording, where it may not write anything else.

Free to write, a recogniser writes the word it expects. Asked to choose, each reading is written into the sentence, with
up to two characters that are read so, and scored

    log P(text | recording) − log P(text | silence),

the mean over those characters: what Whisper finds likely when it hears nothing is its own language model, and is taken
off, as the density ratio of McDermott et al. (2019) does. The reading of the highest score is the one heard.
"""

import math
from collections.abc import Sequence
from functools import cache
from statistics import mean
from typing import Any

import numpy as np

from glmtts.text.mandarin import read_pinyin
from glmtts.text.vocabulary import safe_characters

FRAMES, RATE = 3000, 16000  # Whisper's: 30 s at 100 Hz, samples a second
CHARACTERS = 2  # that one syllable is tried as; each costs a forward
Readings = dict[str, list[str]]


def chooses(recogniser: str) -> bool:
    """Whether a recogniser of this name can choose: a Whisper of faster-whisper, which tells likelihoods of a text."""
    family, _, _ = recogniser.partition(":")
    return family == "whisper" or (family == recogniser and family.startswith("whisper-") and family != "whisper-hf")


def heard_reading(model: Any, samples: np.ndarray, lang: str, readings: Readings) -> str:
    """The reading, of those given with the texts that are read so, that stands out in 16 kHz samples.

    `model` is a CTranslate2 Whisper, the `model` of `glmtts.asr.whisper.FasterWhisper`.
    """
    texts = [text for written in readings.values() for text in written]
    recording = _log_likelihoods(model, _encoded(model, samples), lang, texts)
    silence = _log_likelihoods(model, _silence(model), lang, texts)
    # log P(text | recording) − log P(text | silence), of each text
    gain = {text: one - other for text, one, other in zip(texts, recording, silence, strict=True)}
    return max(readings, key=lambda reading: mean(gain[text] for text in readings[reading]))


def _encoded(model: Any, samples: np.ndarray) -> Any:
    from faster_whisper.audio import pad_or_trim

    return model.encode(pad_or_trim(model.feature_extractor(samples)[:, :FRAMES]))


@cache
def _silence(model: Any) -> Any:
    return _encoded(model, np.zeros(RATE, dtype=np.float32))


def _log_likelihoods(model: Any, encoded: Any, lang: str, texts: Sequence[str]) -> list[float]:
    from faster_whisper.tokenizer import Tokenizer

    tokenizer = Tokenizer(model.hf_tokenizer, True, task="transcribe", language=lang)
    found = []
    for text in texts:
        (aligned,) = model.model.align(encoded, tokenizer.sot_sequence, [tokenizer.encode(text)], FRAMES)
        # a probability may round to 0, which has no logarithm
        found.append(sum(math.log(max(probability, 1e-10)) for probability in aligned.text_token_probs))
    return found


@cache
def _characters_of() -> dict[str, list[str]]:
    """The frequent characters of one reading, by toned syllable."""
    found: dict[str, list[str]] = {}
    # sorted: a set of strings has another order in every process, and only the first two are taken
    for character in sorted(safe_characters()):
        (reading,) = read_pinyin(character)
        found.setdefault(reading or "", []).append(character)
    return found


def written_as(unit: str) -> list[str]:
    """Up to two texts that are read as a toned syllable; an English word is one. Empty where no character is."""
    return _characters_of().get(unit, [])[:CHARACTERS] if unit[-1:].isdigit() else [unit]
