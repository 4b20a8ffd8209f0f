"""Faults of generated speech tokens, told from the tokens, and from the phonemes that a recogniser reads in them.

Attention is not looked at. Where there is a recogniser, its reading is aligned with the wanted phonemes so that what
stands before, or after, or is missing comes for free: the edit distance to every prefix (Sellers, 1980). Without one,
lengths and repetitions remain.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from glmtts.text.edits import prefix_distances
from glmtts.text.labels import BOUNDARY, without_boundaries

FEWEST_PER_PHONEME, MOST_PER_PHONEME, PAUSES = 1.2, 8.0, 50
LONGEST_PERIOD, TIMES, LOOPED_TOKENS, LOOPED_PHONEMES = 50, 3, 25, 6
LEAK_TOKENS, LEAK_RUN, LEAK_DISTINCT = 16, 4, 3
UNSAID, TOO_MUCH = 4, 4


class Fault(StrEnum):
    """What is wrong with an utterance."""

    leak = "the end of the voice prompt is said again"
    loop = "the same sounds go round and round"
    truncated = "the end of the text is missing"
    runaway = "speech goes on after the end of the text"


@dataclass(frozen=True)
class Expected:
    """What tokens should say: phonemes with "|" between words or syllables, and those of the prompt that they continue.

    `prompt_tokens` and `prompt_phonemes` are empty where no prompt is continued: then nothing can leak.
    """

    phonemes: Sequence[str]
    prompt_tokens: Sequence[int] = ()
    prompt_phonemes: Sequence[str] = ()

    @cached_property
    def spoken(self) -> list[str]:
        """The phonemes without boundaries."""
        return without_boundaries(self.phonemes)

    @cached_property
    def leaking(self) -> list[str]:
        """Phonemes of the prompt's last syllable; empty where the text begins with the same one."""
        last = last_syllable(self.prompt_phonemes)
        return [] if last == self.spoken[: len(last)] else last


def faults(
    tokens: Sequence[int],
    ended: bool,
    expected: Expected,
    heard: Sequence[str] | None = None,
) -> list[Fault]:
    """What is wrong with codes from 0 that are an utterance, the order of `Fault`; an empty list where nothing is.

    `ended` says whether the end of audio was drawn; `heard` are the phonemes read in all the tokens by a recogniser,
    None without one.
    """
    heard = None if heard is None else without_boundaries(heard)
    found = {
        Fault.leak: leaks(tokens, expected, heard),
        Fault.loop: loops(tokens) or (heard is not None and _said_too_often(heard, expected.spoken)),
        Fault.truncated: _too_short(tokens, expected) or (heard is not None and unsaid(heard, expected.spoken)),
        Fault.runaway: not ended
        or _too_long(tokens, expected)
        or (heard is not None and unsaid(expected.spoken, heard, TOO_MUCH)),
    }
    return [fault for fault, there in found.items() if there]


def leaks(tokens: Sequence[int], expected: Expected, heard: Sequence[str] | None = None) -> bool:
    """Whether `tokens`, or their start, begin with the end of the prompt.

    With `heard`, the phonemes read in them: they begin with the prompt's last syllable or the rest of it (tones do not
    count), and without that agree better with the text. Else a run of the prompt's last tokens comes again; silence,
    which is one or two tokens, is no such run.
    """
    if not expected.prompt_tokens or (expected.prompt_phonemes and not expected.leaking):
        return False
    if heard is None or not expected.leaking:
        return _comes_again(expected.prompt_tokens[-LEAK_TOKENS:], tokens[:LEAK_TOKENS])
    heard, leaking = _toneless(without_boundaries(heard)), _toneless(expected.leaking)
    wanted = _toneless(expected.spoken)[: len(heard) + len(leaking)]
    whole = min(prefix_distances(heard, wanted))
    for length in range(1, len(leaking) + 1):
        if heard[:length] == leaking[-length:]:
            rest = min(prefix_distances(heard[length:], wanted))
            if rest <= whole - length:
                return True
    return False


def loops(tokens: Sequence[int]) -> bool:
    """Whether an n-gram of tokens is said three times or more without a break, for a second or more in all."""
    return repeated(tokens, TIMES) > LOOPED_TOKENS


def repeated(symbols: Sequence[object], times: int) -> int:
    """Length of the longest stretch in which one n-gram is said `times` times or more; 0 where there is none."""
    longest = 0
    for period in range(1, min(LONGEST_PERIOD, len(symbols) // times) + 1):
        run = 0
        for position in range(period, len(symbols)):
            run = run + 1 if symbols[position] == symbols[position - period] else 0
            if run >= (times - 1) * period:
                longest = max(longest, run + period)
    return longest


def unsaid(heard: Sequence[str], wanted: Sequence[str], least: int = UNSAID) -> bool:
    """Whether `heard` agrees better with a part of `wanted` that lacks `least` or more phonemes at its end."""
    distances = prefix_distances(heard, wanted)
    best = min(range(len(distances)), key=lambda length: (distances[length], -length))
    return len(wanted) - best >= least and distances[-1] - distances[best] >= least


def last_syllable(phonemes: Sequence[str]) -> list[str]:
    """From the consonant before the last vowel to the end; a Mandarin final counts as a vowel, "|" is a border."""
    word = list(phonemes)[_last_border(phonemes) :]
    vowels = [place for place, symbol in enumerate(word) if symbol[-1].isdigit()]
    if not vowels:
        return word
    return word[max(0, vowels[-1] - 1) :] if vowels[-1] - 1 not in vowels else word[vowels[-1] :]


def _last_border(phonemes: Sequence[str]) -> int:
    return max((place + 1 for place, symbol in enumerate(phonemes) if symbol == BOUNDARY), default=0)


def _toneless(phonemes: Sequence[str]) -> list[str]:
    return [re.sub(r"\d$", "", symbol) for symbol in phonemes]


def _comes_again(end: Sequence[int], start: Sequence[int]) -> bool:
    runs = [tuple(end[place : place + LEAK_RUN]) for place in range(len(end) - LEAK_RUN + 1)]
    said = {tuple(start[place : place + LEAK_RUN]) for place in range(len(start) - LEAK_RUN + 1)}
    return any(run in said and len(set(run)) >= LEAK_DISTINCT for run in runs)


def _said_too_often(heard: Sequence[str], wanted: Sequence[str]) -> bool:
    return repeated(heard, TIMES) >= max(LOOPED_PHONEMES, 1 + repeated(wanted, TIMES))


def _too_short(tokens: Sequence[int], expected: Expected) -> bool:
    return len(tokens) < FEWEST_PER_PHONEME * len(expected.spoken)


def _too_long(tokens: Sequence[int], expected: Expected) -> bool:
    return bool(expected.spoken) and len(tokens) > MOST_PER_PHONEME * len(expected.spoken) + PAUSES
