"""Which of two texts Whisper finds more likely in a recording: what it hears where it would write what it expects."""

import math
from functools import lru_cache

import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer

from glmtts.text.mandarin import read_pinyin
from glmtts.text.vocabulary import safe_characters

FRAMES = 3000


def preference(model: WhisperModel, samples: np.ndarray, lang: str, one: str, other: str) -> float:
    """log P(one | samples) − log P(other | samples), of 16 kHz samples."""
    features = model.feature_extractor(samples)
    encoded = model.encode(pad_or_trim(features[:, :FRAMES]))
    tokenizer = Tokenizer(model.hf_tokenizer, True, task="transcribe", language=lang)
    texts = [tokenizer.encode(text) for text in (one, other)]
    both = [model.model.align(encoded, tokenizer.sot_sequence, [text], FRAMES)[0].text_token_probs for text in texts]
    first, second = (sum(math.log(max(probability, 1e-10)) for probability in line) for line in both)
    return first - second


@lru_cache(maxsize=1)
def _characters_of() -> dict[str, str]:
    """A frequent character of one reading for each toned syllable that has one."""
    found: dict[str, str] = {}
    for character in sorted(safe_characters()):
        (reading,) = read_pinyin(character)
        found.setdefault(reading or "", character)
    return found


def written_as(unit: str) -> str | None:
    """A text that is read as a toned syllable, or an English word, which is one; None where no character is."""
    return _characters_of().get(unit) if unit[-1:].isdigit() else unit
