"""Normalisation against tables of written and spoken text, one file a language."""

from pathlib import Path
from urllib.parse import quote

import pytest

from glmtts.text.normalise import normalise

REQUIRED = 0.98


@pytest.mark.parametrize("language", ["zh", "en"])
def test_written_to_spoken(language: str) -> None:
    lines = (Path(__file__).parent / f"normalisation_{language}.tsv").read_text(encoding="utf-8").splitlines()
    cases = [line.split("\t") for line in lines]
    wrong = [(written, spoken, normalise(written, language)) for written, spoken in cases]
    wrong = [case for case in wrong if case[1] != case[2]]
    assert len(cases) >= 200
    assert len(wrong) <= (1 - REQUIRED) * len(cases), wrong


@pytest.mark.parametrize("language", ["zh", "en"])
def test_spoken_text_stays(language: str) -> None:
    lines = (Path(__file__).parent / f"normalisation_{language}.tsv").read_text(encoding="utf-8").splitlines()
    spoken = [line.split("\t")[1] for line in lines]
    changed = [text for text in spoken if not any(mark in text for mark in "'()") and normalise(text, language) != text]
    assert len(changed) <= (1 - REQUIRED) * len(spoken), changed


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("two MP3s", "two MP threes"),
        ("an iPhone 5s", "an iPhone five S"),
        ("Ca2+", "Ca two plus"),
    ],
)
def test_words_apart(written: str, spoken: str) -> None:
    """The tables of cases are compared without blanks and signs, where "three s" is "threes"."""
    assert normalise(written, "en") == spoken


@pytest.mark.parametrize("sign", ["\ud800", "\udfff", "😀", "\u200b", "\ue000", "\u0301", "\U00100000"])
def test_what_no_text_may_hold_no_address_may(sign: str) -> None:
    """A path goes around the rules for text, and is put in words on its own."""
    assert normalise(f"See a.com/{sign}b now.", "en") == "See a dot com slash b now."
    assert normalise(f"看a.com/{sign}b。", "zh") == "看a点com斜杠b。"


@pytest.mark.parametrize("sign", ["😀", "\U00100000", "\U000f0000", "\ue000"])
def test_codes_in_an_address_bring_nothing_in(sign: str) -> None:
    assert normalise(f"See a.com/{quote(sign)}b now.", "en") == "See a dot com slash b now."


def test_codes_in_an_address_are_read() -> None:
    assert normalise("See a.com/caf%C3%A9 now.", "en") == "See a dot com slash caf é now."
