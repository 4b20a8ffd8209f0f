"""The published sentences for Phoneme-in: enough of them, each with one known syllable a character."""

from pathlib import Path

from glmtts.text.mandarin import CHINESE
from glmtts.text.phonemes import split_syllable
from glmtts.text.vocabulary import polyphones, rare_characters

SET = Path(__file__).parents[2] / "src/glmtts/eval/data/per.tsv"


def test_every_character_has_a_syllable_that_splits_into_phonemes() -> None:
    lines = [line.split("\t") for line in SET.read_text(encoding="utf-8").splitlines()]
    assert len({sentence for sentence, _ in lines}) == len(lines) >= 300
    for sentence, pinyin in lines:
        assert len(pinyin.split()) == len(CHINESE.findall(sentence)), sentence
        assert all(map(split_syllable, pinyin.split())), sentence


def test_every_sentence_holds_a_polyphone_or_a_rare_character() -> None:
    hard = polyphones().keys() | rare_characters()
    sentences = [line.split("\t")[0] for line in SET.read_text(encoding="utf-8").splitlines()]
    assert all(hard & set(sentence) - set("的了") for sentence in sentences)
