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

TIMES, LOOPED_PHONEMES = 3, 6  # "ha ha ha" may be said; six phonemes that repeat and were not asked for may not
LEAK_RUN, LEAK_DISTINCT = 4, 3  # tokens in a row; fewer distinct ones are silence, which ends and begins alike
UNSAID = 4  # phonemes: the recogniser mistakes one in ten, but seldom four at an end


@dataclass(frozen=True)
class Limits:
    """Bounds in tokens, from bounds in seconds.

    A phoneme takes 0.05 to 0.32 s, with 2 s for pauses; a loop is a stretch of more than 1 s, its period up to 2 s;
    what leaks from a prompt is its last syllable, within the first 0.64 s.
    """

    fewest_per_phoneme: float
    most_per_phoneme: float
    pauses: int
    longest_period: int
    looped: int
    leak: int

    @classmethod
    def at(cls, token_rate: float) -> "Limits":
        """The bounds at `token_rate` tokens a second."""
        return cls(
            fewest_per_phoneme=0.048 * token_rate,
            most_per_phoneme=0.32 * token_rate,
            pauses=round(2 * token_rate),
            longest_period=round(2 * token_rate),
            looped=round(token_rate),
            # at least one run must fit, whatever the token rate is
            leak=max(LEAK_RUN, round(0.64 * token_rate)),
        )


class Fault(StrEnum):
    """What is wrong with an utterance."""

    leak = "the end of the voice prompt is said again"
    loop = "the same sounds go round and round"
    late = "the beginning of the text is missing"
    truncated = "the end of the text is missing"
    runaway = "speech goes on after the end of the text"


@dataclass(frozen=True)
class Target:
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
        # what the text itself begins with cannot be told from a leak
        return [] if last == self.spoken[: len(last)] else last


def faults(
    tokens: Sequence[int],
    stopped: bool,
    target: Target,
    heard: Sequence[str] | None,
    limits: Limits,
) -> list[Fault]:
    """What is wrong with codes from 0 that are an utterance, in the order of `Fault`; an empty list where nothing is.

    `stopped` says whether the end of audio was drawn; `heard` are the phonemes read in all the tokens by a recogniser,
    None without one.
    """
    heard = None if heard is None else without_boundaries(heard)
    found = {
        Fault.leak: leaks(tokens, target, heard, limits),
        Fault.loop: loops(tokens, limits) or (heard is not None and _said_too_often(heard, target.spoken, limits)),
        # `late` is no matter of edits: likelihoods tell it (judge.Judge.verdict)
        Fault.truncated: _too_short(tokens, target, limits) or (heard is not None and unsaid(heard, target.spoken)),
        Fault.runaway: not stopped
        or _too_long(tokens, target, limits)
        or (heard is not None and unsaid(target.spoken, heard)),
    }
    return [fault for fault, there in found.items() if there]


def leaks(tokens: Sequence[int], target: Target, heard: Sequence[str] | None, limits: Limits) -> bool:
    """Whether `tokens`, or their start, begin with the end of the prompt.

    With `heard`, the phonemes read in them: they begin with the prompt's last syllable or the rest of it (tones do not
    count), and without that agree better with the text. Else a run of the prompt's last tokens comes again; silence,
    which is one or two tokens, is no such run.
    """
    if not target.prompt_tokens or (target.prompt_phonemes and not target.leaking):
        return False
    if heard is None or not target.leaking:
        return _comes_again(target.prompt_tokens[-limits.leak :], tokens[: limits.leak])
    heard, leaking = _toneless(without_boundaries(heard)), _toneless(target.leaking)
    wanted = _toneless(target.spoken)[: len(heard) + len(leaking)]
    # of all beginnings the nearest: `heard` may be the start of an utterance alone
    whole = min(prefix_distances(heard, wanted))
    for length in range(1, len(leaking) + 1):
        if heard[:length] == leaking[-length:]:
            rest = min(prefix_distances(heard[length:], wanted))
            # what is left over must agree better by as many phonemes as are taken for the prompt's
            if rest <= whole - length:
                return True
    return False


def loops(tokens: Sequence[int], limits: Limits) -> bool:
    """Whether an n-gram of tokens is said three times or more without a break, for more than a second in all."""
    return repeated(tokens, TIMES, limits.longest_period) > limits.looped


def repeated(symbols: Sequence[object], times: int, longest_period: int) -> int:
    """Length of the longest stretch in which one n-gram is said `times` times or more; 0 where there is none."""
    longest = 0
    for period in range(1, min(longest_period, len(symbols) // times) + 1):
        run = 0
        for position in range(period, len(symbols)):
            # symbols that equal the one a period before: times − 1 periods of them are `times` times the n-gram
            run = run + 1 if symbols[position] == symbols[position - period] else 0
            if run >= (times - 1) * period:
                longest = max(longest, run + period)
    return longest


def unsaid(heard: Sequence[str], wanted: Sequence[str], least: int = UNSAID) -> bool:
    """Whether `heard` agrees better with a part of `wanted` that lacks `least` or more phonemes at its end."""
    distances = prefix_distances(heard, wanted)
    # of equal distances the longest: in doubt it was said
    best = min(range(len(distances)), key=lambda length: (distances[length], -length))
    return len(wanted) - best >= least and distances[-1] - distances[best] >= least


def last_syllable(phonemes: Sequence[str]) -> list[str]:
    """From the consonant before the last vowel to the end; a Mandarin final counts as a vowel, "|" is a border."""
    word = list(phonemes)[_last_border(phonemes) :]
    # vowels and finals end in a digit: a stress or a tone
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


def _said_too_often(heard: Sequence[str], wanted: Sequence[str], limits: Limits) -> bool:
    # a text may repeat itself, and is then said so; one phoneme more than it asks for is the least loop
    least = max(LOOPED_PHONEMES, 1 + repeated(wanted, TIMES, limits.longest_period))
    return repeated(heard, TIMES, limits.longest_period) >= least


def _too_short(tokens: Sequence[int], target: Target, limits: Limits) -> bool:
    return len(tokens) < limits.fewest_per_phoneme * len(target.spoken)


def _too_long(tokens: Sequence[int], target: Target, limits: Limits) -> bool:
    return bool(target.spoken) and len(tokens) > limits.most_per_phoneme * len(target.spoken) + limits.pauses
