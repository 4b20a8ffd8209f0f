"""Error columns that protocols share: as the public scripts count, by words with numbers spoken, by syllables."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from glmtts.eval.columns import ErrorColumn
from glmtts.eval.error_rates import BY_CHARACTER, Errors, errors, errors_of
from glmtts.eval.items import Item
from glmtts.eval.utterance import Utterance
from glmtts.text.accents import without_accents
from glmtts.text.mandarin import CHINESE
from glmtts.text.normalise import normalise
from glmtts.text.phonemes import split_syllable


def words(text: str) -> list[str]:
    """English words, numbers spoken, without punctuation and accents: café and cafe are one word."""
    return re.findall(r"[a-z']+", without_accents(normalise(text, "en")).lower())


def characters(text: str) -> list[str]:
    """Chinese characters, numbers spoken."""
    return CHINESE.findall(normalise(text, "zh"))


def syllables(text: str) -> list[str]:
    """Toned pinyin of the Chinese characters, as pypinyin reads them; a neutral tone is 5."""
    from pypinyin import Style, lazy_pinyin

    return list(lazy_pinyin("".join(characters(text)), style=Style.TONE3, neutral_tone_with_five=True))


def symbols_of(pinyin: Sequence[str]) -> list[str]:
    """Initials and finals with tone; a syllable that has none, such as n2, counts as one."""
    return [symbol for syllable in pinyin for symbol in split_syllable(syllable) or [syllable]]


def mixed(text: str) -> list[str]:
    """Toned syllables of the Chinese characters and English words of a mixed text, numbers spoken as in Mandarin."""
    found: list[str] = []
    for part in re.findall(rf"{CHINESE.pattern}+|[a-z']+", without_accents(normalise(text, "zh")).lower()):
        found += syllables(part) if CHINESE.match(part) else [part]
    return found


def published(utterance: Utterance) -> Errors:
    """Edits as the public scripts count them."""
    return errors(utterance.hypothesis or "", utterance.item.text, utterance.item.language)


def by(cut: Callable[[str], list[str]]) -> Callable[[Utterance], Errors]:
    """Edits between units of transcript and text."""
    return lambda one: errors_of(" ".join(cut(one.hypothesis or "")), " ".join(cut(one.item.text)))


@lru_cache(maxsize=1 << 16)
def _holds(text: str, cut: Callable[[str], list[str]]) -> bool:
    """Whether a text has such units; a table asks it several times for each line and system."""
    return bool(cut(text))


def _having(cut: Callable[[str], list[str]], language: str) -> Callable[[Item], bool]:
    """Whether a line of a language has such units: of none wanted, a rate would be the number of those heard."""
    return lambda item: item.language == language and _holds(item.text, cut)


def _is_mixed(item: Item) -> bool:
    return item.language == "zh" and re.search("[A-Za-z]{2}", item.text) is not None


WER = ErrorColumn("wer", "WER", published, lambda item: item.language not in BY_CHARACTER)
CER = ErrorColumn("cer", "CER", published, lambda item: item.language in BY_CHARACTER)
SPOKEN_WER = ErrorColumn("wer_spoken", "WER, numbers spoken", by(words), _having(words, "en"))
SYLLABLES = ErrorColumn("syllables", "toned syllables", by(syllables), _having(characters, "zh"))
MIXED = ErrorColumn("mixed", "toned syllables and words", by(mixed), _is_mixed)
PUBLISHED, SPOKEN = (WER, CER), (SPOKEN_WER, SYLLABLES)
