"""Pinyin for whole sentences: words of the dictionary, then grammar, then polyphones in context.

A text in traditional characters is read through a simplified copy. A word of two characters and more has the reading
of the corrections or of pypinyin's phrases; what no word settles goes to the rules of `contexts`, and what they leave
open to the classifier of `polyphones`.
"""

from functools import lru_cache

from glmtts.text.grammar import tables, told_reading
from glmtts.text.polyphone_features import phrase_reading
from glmtts.text.polyphones import polyphone_model
from glmtts.text.script import TELLING, simplified
from glmtts.text.words import CHINESE, RUN, Sentence, corrections

Readings = list[str | None]
# The network learnt from an encyclopaedia. In a sentence as long as its own, where it scores another reading higher by
# this margin, it knows words of two characters better than the dictionary does (held-out lines of CPP's development
# set: 3,794 right of 3,821 instead of 3,787); in short everyday sentences the dictionary is right.
LONG_SENTENCE, MARGIN = 20, 2.5
__all__ = ["CHINESE", "dictionary_readings", "read_pinyin", "word_reading"]


def _one_each(characters: str) -> str:
    """pypinyin asks this for characters without a reading; a blank for each keeps the list aligned."""
    return " " * len(characters)


def dictionary_readings(text: str) -> Readings:
    """pypinyin's phrases alone: one entry a character, None where it is not Chinese."""
    # here: its dictionaries take a quarter of a second, and English needs none of them
    from pypinyin import Style, lazy_pinyin

    readings: Readings = [None] * len(text)
    for run in RUN.finditer(text):
        spoken = lazy_pinyin(run[0], style=Style.TONE3, neutral_tone_with_five=True, errors=_one_each)
        if len(spoken) == len(run[0]):
            readings[run.start() : run.end()] = spoken
    return readings


@lru_cache(maxsize=65536)
def word_reading(word: str) -> tuple[tuple[str | None, ...], bool]:
    """Reading of a word, and whether it is sure: a correction, or a phrase of the dictionary."""
    if known := corrections().get(word):
        return tuple(known), True
    if len(word) > 1 and (phrase := phrase_reading(word)):
        return phrase, True
    return tuple(dictionary_readings(word)), False


def word_reading_at(sentence: Sentence, position: int) -> str | None:
    """What the dictionary says of a character in its word; None where the word is not in it."""
    _, word, _ = sentence.around(position)
    if word is None:
        return None
    readings, sure = word_reading(sentence.written(word))
    return readings[position - word.start] if sure else None


def read_pinyin(text: str, in_context: bool = True) -> Readings:
    """One entry a character: its pinyin with tone digit (5 neutral, v for ü), None where it is not Chinese.

    `in_context` weighs the sentence around what no word settles; without it the dictionary alone decides.
    """
    readings: Readings = [None] * len(text)
    # English lines come here too, and need neither the lexicon nor the classifier
    if not CHINESE.search(text):
        return readings
    sentence = Sentence(simplified(text))
    unsure: list[int] = []
    doubtful: list[int] = []
    for word in sentence.words:
        written = sentence.written(word)
        found, sure = word_reading(written)
        readings[word.start : word.end] = found
        if not sure:
            unsure += range(word.start, word.end)
        elif len(written) == 2 and written not in corrections() and len(text) >= LONG_SENTENCE:
            doubtful += range(word.start, word.end)
    if in_context:
        _in_context(text, sentence, unsure, readings)
        polyphone_model().resolve(sentence, readings, doubtful, margin=MARGIN)
    return readings


def _in_context(text: str, sentence: Sentence, unsure: list[int], readings: Readings) -> None:
    """Decide, in place, the readings at `unsure`: by the traditional character, by grammar, by the classifier."""
    left_open = []
    for position in unsure:
        traditional = TELLING.get(text[position]) if text[position] != sentence.text[position] else None
        doubled = _before_bu(sentence, position)
        if found := traditional or doubled or told_reading(sentence, position) or _suffix_zi(sentence, position):
            readings[position] = found
        else:
            left_open.append(position)
    polyphone_model().resolve(sentence, readings, left_open)


def _before_bu(sentence: Sentence, position: int) -> str | None:
    """The reading of a word's first character where the word is asked for (漂不漂亮), empty elsewhere."""
    text = sentence.text
    if text[position + 1 : position + 2] not in ("不", "没") or text[position + 2 : position + 3] != text[position]:
        return ""
    _, word, _ = sentence.around(position + 2)
    if word is None or word.start != position + 2:
        return ""
    # 得罪人 is a word without a reading, 得罪 has one
    words = (text[word.start : end] for end in (word.end, position + 4) if position + 3 < end <= word.end)
    return next((readings[0] for readings, sure in map(word_reading, words) if sure), "")


def _suffix_zi(sentence: Sentence, position: int) -> str:
    """zi5 or zi3 where 子 ends a word, of which the network is no judge: in long words it reads nearly all as zi3.

    The lists of contexts.tsv tell, then the dictionary, of zi5 alone: of zi3 it is no sure judge (小村子 by 村子).
    """
    text = sentence.text
    if text[position] != "子" or not position:
        return ""
    _, word, _ = sentence.around(position)
    if word is not None and word.start < position == word.end - 1:
        for name, reading in (("NEUTRAL", "zi5"), ("FULL", "zi3")):
            if text[position - 1] in tables().macros[name]:
                return reading
    readings, sure = word_reading(text[position - 1 : position + 1])
    return "zi5" if sure and readings[-1] == "zi5" else ""
