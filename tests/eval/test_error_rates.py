"""Error rates: each utterance equals jiwer alone, lists equal the public script's arithmetic."""

import random
import string
from statistics import fmean

import jiwer
import pytest
from zhon.hanzi import punctuation

from glmtts.eval.error_rates import Errors, aligned, errors, normalised, rate_of

PAIRS = 200
EN = [
    "the",
    "quick",
    "brown",
    "doesn't",
    "Mr.",
    "Smith's",
    "3",
    "dogs",
    "5:30,",
    '"they"',
    "—",
    "well…",
    "(no)",
    "U.S.",
]
ZH = list("今天天气很好我们去公园散步吧他在银行等行长一二三，。！？、；：“”《》（）…—３％ＡＢ")
MIXED = ["我们的", "meeting", "改到", "三点", "OK", "吗？", "version 2.0", "，", "Don't", "吧", "iPhone"]


def made_pairs() -> list[tuple[str, str | None, str]]:
    """Texts, transcripts and languages: punctuation, mixed scripts, numbers, empty and missing ones."""
    draw, pairs = random.Random(19), []
    for number in range(PAIRS):
        language = "en" if number % 2 else "zh"
        words = draw.choices(MIXED if number % 5 == 0 else EN if language == "en" else ZH, k=draw.randint(1, 25))
        glue = " " if language == "en" else draw.choice(("", "", " ", "  "))
        text = glue.join(words)
        if number % 20 == 7:
            heard = None
        elif number % 20 == 11:
            heard = draw.choice(("", " ", "。", "..."))
        else:
            kept = [word for word in words if draw.random() > 0.15]
            heard = glue.join(
                draw.sample(kept, len(kept)) if number % 9 == 0 else kept + draw.choices(words, k=number % 3)
            )
            heard = draw.choice((heard, heard.upper(), f" {heard}  ", heard.replace(" ", "   ")))
        pairs.append((text, heard, language))
    return pairs


def script(hypothesis: str, truth: str, language: str) -> tuple[float, int]:
    """What the public script computes for one utterance, from its description, with jiwer called directly."""
    sides = []
    for text in (truth, hypothesis):
        text = "".join(sign for sign in text if sign == "'" or sign not in punctuation + string.punctuation)
        text = text.replace("  ", " ")
        sides.append(" ".join(text) if language == "zh" else text.lower())
    found = jiwer.process_words(*sides)
    return found.wer, found.hits + found.substitutions + found.deletions


def test_each_of_200_utterances_equals_jiwer_called_directly() -> None:
    compared = 0
    for text, heard, language in made_pairs():
        if heard is None:
            continue
        rate, words = script(heard, text, language)
        ours = errors(heard, text, language)
        assert ours.rate == pytest.approx(rate, abs=1e-9), (text, heard)
        assert ours.words == words
        compared += 1
    assert compared == PAIRS - 10


def test_as_published_is_the_script_s_mean_over_the_files_that_are_there() -> None:
    pairs = made_pairs()
    counted = [None if heard is None else errors(heard, text, language) for text, heard, language in pairs]
    rate = rate_of(counted)
    published = [float(f"{script(heard, text, lang)[0]}") for text, heard, lang in pairs if heard is not None]
    assert rate.as_published is not None
    assert round(rate.as_published * 100, 3) == round(fmean(published) * 100, 3)
    assert rate.above_half == sum(one > 0.5 for one in published)
    assert rate.skipped == 10 and rate.utterances == PAIRS


def test_all_counted_takes_missing_and_silent_outputs_as_errors_of_one() -> None:
    right, wrong = Errors(0, 0, 0, 4), Errors(1, 0, 3, 2)
    rate = rate_of([right, None, wrong, wrong], [False, False, False, True])
    assert rate.as_published == pytest.approx((0 + 2 + 2) / 3)
    assert rate.all_counted == pytest.approx((0 + 1 + 2 + 1) / 4)
    assert rate.corpus == pytest.approx(8 / 8)
    assert rate_of([None, None]).as_published is None and rate_of([None, None]).all_counted == 1


def test_the_letters_of_the_script() -> None:
    assert normalised("Don't stop!  “Now”，OK…", "en") == "don't stop nowok"
    assert normalised("a    b", "en") == "a  b"  # four blanks are folded once, to two
    assert normalised("it’s", "en") == "its"  # a curly apostrophe is punctuation there
    assert normalised("他在A行，好。", "zh") == "他 在 A 行 好"
    assert normalised("가 나", "ko") == "가   나"


def test_the_alignment_says_what_was_heard_in_place_of_what() -> None:
    chunks = aligned("the cat sat down", "the hat sat", "en")
    assert chunks == [
        ("equal", "the", "the"),
        ("substitute", "hat", "cat"),
        ("equal", "sat", "sat"),
        ("insert", "", "down"),
    ]
