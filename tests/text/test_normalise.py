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
        ("Wait 30s.", "Wait thirty seconds."),
        ("Mark 4:35–5:20 and Acts 2:1-4", "Mark four thirty five to five twenty and Acts two one to four"),
        ("fell 0.7pp, up 1 pp", "fell zero point seven percentage points, up one percentage point"),
        ("12pp of notes", "twelve pp of notes"),
        ('two 43" LED panels, 43" wide', "two forty three inch LED panels, forty three inches wide"),
        ("in the 30s", "in the thirties"),
        ("USB3.0", "USB three point zero"),
        ("M&Ms", "M and M's"),
        ("R2-D2", "R two D two"),
        ("back in '09", "back in oh nine"),
        ("Ca2+", "Ca two plus"),
        ("the 3 Ps of marketing", "the three P's of marketing"),
        ("Mind your Ps and Qs, and the Cs.", "Mind your P's and Q's, and the C's."),
        ("straight As; As I said, Us two, Ms Li", "straight A's; As I said, Us two, Miss Li"),
        ("Boys Vs Girls, Node Js", "Boys Vs Girls, Node Js"),
        ("5 ms, 3 Ms; 1s and 0s", "five milliseconds, three M's; ones and zeros"),
    ],
)
def test_words_apart(written: str, spoken: str) -> None:
    """The tables of cases are compared without blanks and signs, where "three s" is "threes"."""
    assert normalise(written, "en") == spoken


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("en", "in the 90+3' minute", "in the ninety plus three minute"),
        ("en", "Take 500 mg b.i.d. for 7 days.", "Take five hundred milligrams B I D for seven days."),
        ("en", "NaCl, HCl and KOH", "N A C L, H C L and K O H"),
        ("en", "CO levels rose.", "C O levels rose."),
        ("en", "42 U.S.C. § 1983", "forty two U S C section nineteen eighty three"),
        ("en", "Rs. 499/- or CHF 120.–", "four hundred ninety nine rupees or one hundred twenty Swiss francs"),
        ("en", "version 2.0.0-beta.3", "version two point zero point zero-beta three"),
        ("en", "at 5 p.m. Monday, 6 p.m. ET", "at five P M Monday, six P M ET"),
        ("en", "10am PST / 1pm EST and / or", "ten A M PST, one P M EST and or"),
        ("en", "Oak Ave. NE to 5th. On Oak Ave. He", "Oak Avenue Northeast to fifth. On Oak Avenue. He"),
        ("en", "King Jr. Blvd. is here. So is King Jr. He", "King Junior Boulevard is here. So is King Junior. He"),
        ("en", "Add .gitignore, the .env. Edit ~/.rc.", "Add dot gitignore, the dot env. Edit tilde slash dot rc."),
        ("en", "It is so .this is late.", "It is so. this is late."),
        ("en", "Wait…what? No...no.", "Wait. what? No. no."),
        ("en", "He said ‘no’, 'go on, James', to the dogs' owner.", "He said no, go on, James, to the dogs' owner."),
        ("zh", "欧赔1.75/3.5/4.8", "欧赔一点七五，三点五，四点八"),
        ("zh", "CO2浓度，CO中毒，2CO2", "C O二浓度，C O中毒，二C O二"),
        ("zh", "NaCl和HCl", "N A C L和H C L"),
        ("zh", "#新年快乐# 2024年，#今日话题#", "新年快乐，二零二四年，今日话题"),
        ("zh", "他说：“她说‘好’。”", "他说：她说好。"),
        ("zh", "外‘内’外，don't", "外内外，don't"),
    ],
)  # fmt: skip
def test_marks_and_letters_apart(language: str, written: str, spoken: str) -> None:
    """Pauses, ends of sentences and letters one by one, which the tables of cases do not see."""
    assert normalise(written, language) == spoken


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
