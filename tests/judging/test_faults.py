"""Faults of made-up token sequences."""

import random

import pytest

from glmtts.judging.faults import Fault, Limits, Target, last_syllable
from glmtts.judging.faults import faults as faults_within
from glmtts.judging.faults import leaks as leaks_within
from glmtts.judging.faults import repeated as repeated_within

LIMITS = Limits.at(25)


def faults(tokens: list[int], stopped: bool, target: Target, heard: list[str] | None = None) -> list[Fault]:
    return faults_within(tokens, stopped, target, heard, LIMITS)


def leaks(tokens: list[int], target: Target, heard: list[str] | None = None) -> bool:
    return leaks_within(tokens, target, heard, LIMITS)


def repeated(symbols: list[int] | list[str], times: int) -> int:
    return repeated_within(symbols, times, LIMITS.longest_period)


def labels(text: str) -> list[str]:
    """Phonemes of a line."""
    return text.split()


WANTED = labels("N I3 | H AO3 | SH III4 | J IE4 | H UAN1 | Y ING2 | G UANG1 | L IN2")
SPOKEN = [symbol for symbol in WANTED if symbol != "|"]
PROMPT = labels("Z AI4 | J IAN4")
PROMPT_TOKENS = [*range(500, 520), 0, 0, 0, 1]


def speech(count: int = 40) -> list[int]:
    """Codes without a pattern."""
    return random.Random(1).sample(range(1000, 5000), count)


def test_sound_speech_has_no_fault() -> None:
    target = Target(WANTED, PROMPT_TOKENS, PROMPT)
    assert faults(speech(), True, target) == []
    assert faults(speech(), True, target, WANTED) == []
    assert faults([0] * 20 + speech() + [0] * 20, True, target, WANTED) == [], "silence is no loop and no leak"
    one_wrong = [*SPOKEN[:5], "IE1", *SPOKEN[6:-1]]
    assert faults(speech(), True, target, one_wrong) == [], "a recogniser errs now and then"


@pytest.mark.parametrize("leaked", [["J", "IAN4"], ["J", "IAN1"], ["IAN4"]])
def test_the_prompts_last_syllable_read_at_the_start_is_a_leak(leaked: list[str]) -> None:
    target = Target(WANTED, PROMPT_TOKENS, PROMPT)
    assert faults(speech(), True, target, [*leaked, *WANTED]) == [Fault.leak]
    assert leaks(speech(12), target, [*leaked, "N", "I3"]), "the first tokens tell"
    same = Target([*PROMPT[-2:], "|", *WANTED], PROMPT_TOKENS, PROMPT)
    assert faults(speech(), True, same, same.phonemes) == [], "the text itself begins so"
    assert faults(speech(), True, Target(WANTED), [*leaked, *WANTED]) == [], "no prompt is continued"


def test_the_prompts_last_tokens_at_the_start_are_a_leak() -> None:
    target = Target(WANTED, PROMPT_TOKENS, PROMPT)
    assert faults([7, *range(514, 520), *speech()], True, target) == [Fault.leak]
    assert faults([0, 0, 0, 1, *speech()], True, target) == [], "silence goes on"
    assert faults([*speech(), *range(514, 520)], True, target) == [], "not at the start"
    assert faults([7, *range(514, 520), *speech()], True, Target([*PROMPT[-2:], *WANTED], PROMPT_TOKENS, PROMPT)) == []


def test_loops() -> None:
    target = Target(WANTED)
    assert faults([*speech(20), *list(range(9)) * 4, *speech(10)], True, target) == [Fault.loop]
    assert faults([*speech(20), *[7] * 30], True, target) == [Fault.loop]
    assert faults([*speech(20), *list(range(9)) * 2, *speech(10)], True, target) == []
    again = [*SPOKEN[:8], *SPOKEN[4:8], *SPOKEN[4:8], *SPOKEN[8:]]
    assert Fault.loop in faults(speech(60), True, target, again)
    assert faults(speech(60), True, Target(again), again) == [], "the text itself goes round"
    assert repeated("abcabcabcx", 3) == 9
    assert repeated("abcabcx", 3) == 0


def test_lengths_against_the_text() -> None:
    target = Target(WANTED)
    assert faults(speech(12), True, target) == [Fault.truncated]
    assert faults(speech(400), True, target) == [Fault.runaway]
    assert faults(speech(), False, target) == [Fault.runaway]
    assert faults(speech(), True, Target([])) == [], "without phonemes no length is known"


def test_what_is_read_says_what_is_missing_or_too_much() -> None:
    target = Target(WANTED)
    assert faults(speech(), True, target, SPOKEN[:-4]) == [Fault.truncated]
    assert faults(speech(), True, target, [*SPOKEN, "B", "A1", "M", "U4"]) == [Fault.runaway]
    assert faults(speech(), True, target, []) == [Fault.truncated]


def test_last_syllables() -> None:
    assert last_syllable(PROMPT) == ["J", "IAN4"]
    assert last_syllable(labels("EN_W EN_ER1 EN_D | EN_M EN_AO1 EN_R EN_N EN_IH0 EN_NG")) == ["EN_N", "EN_IH0", "EN_NG"]
    assert last_syllable(labels("EN_R EN_IY0 EN_AE1 EN_K EN_T")) == ["EN_AE1", "EN_K", "EN_T"]
    assert last_syllable([]) == []
