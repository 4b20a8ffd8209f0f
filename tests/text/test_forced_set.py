"""The published forced pronunciations: readable control, and readings that are wrong by more than their tone."""

from pathlib import Path

from glmtts.text.english import pronounce
from glmtts.text.mandarin import dictionary_readings
from glmtts.text.markup import CONTROL
from glmtts.text.phonemes import split_syllable
from glmtts.text.pronunciations import hybrid_reading
from glmtts.text.vocabulary import polyphones

SET = Path(__file__).parents[2] / "src/glmtts/eval/data/forced.tsv"
CASES = [line.split("\t") for line in SET.read_text(encoding="utf-8").splitlines()]


def test_there_are_enough_cases_each_with_one_control() -> None:
    kinds = [kind for kind, _, _ in CASES]
    assert kinds.count("polyphone") + kinds.count("word") >= 60 and kinds.count("english") >= 20
    for _, text, _ in CASES:
        (match,) = CONTROL.finditer(text)
        assert hybrid_reading(match["word"], match["reading"])


def test_forced_syllables_differ_from_the_dictionary_without_their_tones() -> None:
    for kind, text, wanted in CASES:
        if kind == "english":
            continue
        (match,) = CONTROL.finditer(text)
        usual = dictionary_readings(CONTROL.sub(r"\g<word>", text))[match.start()]
        assert match["reading"] == wanted and split_syllable(wanted)
        assert usual and usual[:-1] != wanted[:-1], text
        assert kind == "word" or wanted in polyphones()[match["word"]], text


def test_forced_english_words_sound_like_the_word_to_be_heard() -> None:
    for kind, text, wanted in CASES:
        if kind == "english":
            (match,) = CONTROL.finditer(text)
            assert match["reading"] == " ".join(pronounce(wanted)), text
