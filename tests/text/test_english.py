"""English words that the dictionary lacks: British spellings, their parts, their letters; and its wrong entries."""

import random

import pytest

from glmtts.text import english
from glmtts.text.english import dictionary, pronounce
from glmtts.text.frontend import TextConfig, TextFrontend
from tests.tiny import tiny_tokenizer


@pytest.mark.parametrize(
    ("british", "american"),
    [
        ("offence", "offense"), ("pretences", "pretenses"), ("litres", "liters"), ("sombre", "somber"),
        ("flavoured", "flavored"), ("tumours", "tumors"), ("vigour", "vigor"), ("colourful", "colorful"),
        ("organised", "organized"), ("analysing", "analyzing"), ("minimise", "minimize"), ("yoghurts", "yogurts"),
        ("civilisation", "civilization"), ("sceptical", "skeptical"), ("gaol", "jail"), ("leukaemia", "leukemia"),
        ("paediatric", "pediatric"), ("foetus", "fetus"), ("manoeuvring", "maneuvering"), ("enrol", "enroll"),
        ("jewellery", "jewelry"), ("pyjamas", "pajamas"), ("programmes", "programs"), ("anaemic", "anemic"),
    ],
)  # fmt: skip
def test_british_spellings_sound_as_the_american_ones(british: str, american: str) -> None:
    assert british not in dictionary()
    assert pronounce(british) == pronounce(american)


@pytest.mark.parametrize("word", ["hour", "wise", "premise", "Michaela", "Joel", "acre", "detour", "genre"])
def test_other_words_with_british_endings_stay(word: str) -> None:
    assert pronounce(word) == tuple(dictionary()[word.lower()])


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("influencers", "IH1 N F L UW0 AH0 N S ER0 Z"), ("clickable", "K L IH1 K AH0 B AH0 L"),
        ("spikier", "S P AY1 K IY0 ER0"), ("crispiest", "K R IH1 S P IY0 AH0 S T"),
        ("sweatily", "S W EH1 T AH0 L IY0"), ("crunchiness", "K R AH1 N CH IY0 N AH0 S"),
        ("vaxxed", "V AE1 K S T"), ("hashtagging", "HH AE1 SH T AE2 G IH0 NG"),
        ("vapers", "V EY1 P ER0 Z"), ("churros", "CH UW1 R OW0 Z"), ("yeeted", "Y IY1 T IH0 D"),
        ("rizzed", "R IH1 Z D"), ("smoothies", "S M UW1 TH IY0 Z"), ("Kombucha's", "K OW0 M B UW1 CH AH0 Z"),
        ("Mykonos", "M IY0 K AA1 N AA0 S"),
    ],
)  # fmt: skip
def test_suffixes(word: str, phones: str) -> None:
    assert " ".join(pronounce(word)) == phones


@pytest.mark.parametrize(
    ("word", "first", "second"),
    [
        ("retweeted", "R IY0", "T W IY1 T IH0 D"), ("rebranding", "R IY0", "B R AE1 N D IH0 NG"),
        ("unfriend", "AH0 N", "F R EH1 N D"), ("unhackable", "AH0 N", "HH AE1 K AH0 B AH0 L"),
        ("upcycle", "AH1 P", "S AY2 K AH0 L"), ("ebooks", "IY1", "B UH1 K S"),
        ("nonbinary", "N AA0 N", "B AY1 N ER0 IY0"),
        ("overshare", "OW1 V ER0", "SH EH2 R"), ("overthinking", "OW1 V ER0", "TH IH2 NG K IH0 NG"),
        ("timestamps", "T AY1 M", "S T AE2 M P S"), ("gluestick", "G L UW1", "S T IH2 K"),
        ("autosave", "AO1 T OW0", "S EY2 V"), ("potholders", "P AA1 T", "HH OW2 L D ER0 Z"),
        ("screenshared", "S K R IY1 N", "SH EH2 R D"), ("nappies", "N AE1 P", "IY0 Z"),
    ],
)  # fmt: skip
def test_prefixes_and_compounds(word: str, first: str, second: str) -> None:
    assert word not in dictionary()
    assert " ".join(pronounce(word)) == f"{first} {second}"


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("pesto", "P EH1 S T OW0"), ("gelato", "JH EH0 L AA1 T OW0"), ("paella", "P AA0 EH1 L AH0"),
        ("wasabi", "W AA0 S AA1 B IY0"), ("masala", "M AA0 S AA1 L AH0"), ("macchiato", "M AA0 K IY0 AA1 T OW0"),
        ("titre", "T IH1 T ER0"), ("yeet", "Y IY1 T"), ("simp", "S IH1 M P"), ("courgette", "K AW1 R JH EH0 T"),
    ],
)  # fmt: skip
def test_letters(word: str, phones: str) -> None:
    assert word not in dictionary()
    assert " ".join(pronounce(word)) == phones


@pytest.mark.parametrize(
    ("text", "phones"),
    [
        ("memes", "M IY1 M Z"), ("Siobhan", "SH AH0 V AO1 N"), ("Eid", "IY1 D"), ("synonyms", "S IH1 N AH0 N IH2 M Z"),
        ("reused", "R IY0 Y UW1 Z D"), ("shan't", "SH AE1 N T"), ("Uber", "UW1 B ER0"),
    ],
)  # fmt: skip
def test_wrong_entries_are_mended(text: str, phones: str) -> None:
    spans = TextFrontend(TextConfig(), tiny_tokenizer()).spans(text)
    assert spans[0].hybrid.replace("<|EN_", "").replace("|>", " ").strip() == phones


def test_words_taken_from_the_dictionary_are_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = english._entries()
    words = random.Random(7).sample(sorted(word for word in entries if word.isalpha() and len(word) > 3), 3000)
    others = english.Pronouncing(entries)
    monkeypatch.setattr(english, "dictionary", lambda: others)
    right = 0
    for word in words:
        phones = entries.pop(word)
        right += " ".join(pronounce.__wrapped__(word)) == phones
        entries[word] = phones
    # a quarter with the longest first part, short last vowels and two full stresses in a compound
    assert right >= 0.39 * len(words)
