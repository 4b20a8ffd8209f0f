"""What the classifier of polyphones sees: characters and words around, phrases, two readers' opinions."""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

from glmtts.text.words import Sentence

# the stored classifier knows features by the names below: with other numbers it is to be trained anew
CONTEXT, LONGEST_PHRASE, PHRASES = 4, 8, 3
DENSE = 9
_FLOOR = 1e-6  # what the network gives no chance has a logarithm too


@lru_cache(maxsize=16384)
def phrase_reading(phrase: str) -> tuple[str, ...]:
    """Pinyin of a phrase of pypinyin's dictionary, with tone digits; empty where it is none."""
    from pypinyin.constants import PHRASES_DICT
    from pypinyin.contrib.tone_convert import to_tone3

    syllables = PHRASES_DICT.get(phrase, ())
    if len(syllables) != len(phrase):
        return ()
    return tuple(to_tone3(syllable[0], neutral_tone_with_five=True) for syllable in syllables)


def phrases_around(text: str, position: int) -> list[tuple[str, str]]:
    """Phrases of two characters and more that cover `position`, each with its reading of that character."""
    found = []
    for start in range(max(0, position - CONTEXT), position + 1):
        for end in range(max(position + 1, start + 2), min(len(text), start + LONGEST_PHRASE) + 1):
            if reading := phrase_reading(text[start:end]):
                found.append((text[start:end], reading[position - start]))
    return found


def sparse_features(
    sentence: Sentence, position: int, phrases: Sequence[tuple[str, str]], dictionary: str | None, network: str
) -> list[str]:
    """Names of the features that hold: n-grams of characters around, nearby characters, phrases, words, opinions."""
    text = sentence.text
    padded = "^" * CONTEXT + text[max(0, position - CONTEXT) : position + CONTEXT + 1] + "$" * CONTEXT
    i = CONTEXT + min(position, CONTEXT)
    around = padded[i - CONTEXT : i + CONTEXT + 1]
    character = text[position]
    features = [f"b{character}"]
    features += [
        f"n{before}{around[CONTEXT - before : CONTEXT + after + 1]}"
        for before, after in ((1, 0), (0, 1), (2, 0), (0, 2), (1, 1), (3, 0), (0, 3), (2, 1), (1, 2))
    ]
    features += [f"L{character}{near}" for near in around[:CONTEXT]]
    features += [f"R{character}{near}" for near in around[CONTEXT + 1 :]]
    features += [f"{shift}{character}{around[CONTEXT + shift]}" for shift in (-3, -2, 2, 3)]
    longest = max((len(phrase) for phrase, _ in phrases), default=0)
    features += [f"G{character}{network}", f"P{character}{dictionary}{min(longest, 3)}"]
    features += [f"Q{character}{dictionary}{network}{longest > 0}"]
    features += _word_features(sentence, position)
    return features + [f"W{phrase}" for phrase, _ in phrases[:PHRASES]]


def _word_features(sentence: Sentence, position: int) -> list[str]:
    """The word itself; of one that is a character alone, the words beside it and their parts of speech."""
    before, word, after = sentence.around(position)
    if word is None or word.end - word.start > 1:
        return [f"X{sentence.written(word)}{position - word.start}"] if word else []
    kinds = [near.kind if near else "." for near in (before, after)]
    written = [sentence.written(near) or "." for near in (before, after)]
    character = sentence.text[position]
    return [
        f"o{character}",
        f"k{character}{kinds[0]}",
        f"K{character}{kinds[1]}",
        f"kK{character}{kinds[0]}{kinds[1]}",
        f"v{character}{written[0]}",
        f"V{character}{written[1]}",
    ]


def dense_features(
    label: str, phrases: Sequence[tuple[str, str]], dictionary: str | None, probabilities: Mapping[str, float]
) -> list[float]:
    """`DENSE` numbers on one reading: the network's log-probability, and who else votes for it."""
    longest = max((len(phrase) for phrase, _ in phrases), default=0)
    mine = max((len(phrase) for phrase, reading in phrases if reading == label), default=0)
    network = max(probabilities, key=lambda reading: probabilities[reading])
    return [
        math.log(probabilities.get(label, 0.0) + _FLOOR),
        float(dictionary == label and longest == 0),
        float(dictionary == label and longest > 0),
        float(mine == 2),
        float(mine == 3),
        float(mine > 3),
        float(mine == longest > 0),
        float(label == network),
        float(longest > 0 and all(reading == label for _, reading in phrases)),
    ]
