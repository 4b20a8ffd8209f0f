"""Pinyin with tone marks in a text: which words are read as Mandarin, and which are words of other languages."""

import pytest

from glmtts.text.frontend import TextConfig, TextFrontend
from glmtts.text.pinyin_marks import syllables_of
from tests.text.pinyin import tokens
from tests.tiny import tiny_tokenizer


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend(TextConfig(), tiny_tokenizer())


@pytest.mark.parametrize(
    ("written", "syllables"),
    [
        ("nǐ", "ni3"), ("Běijīng", "bei3 jing1"), ("xiān", "xian1"), ("Xī'ān", "xi1 an1"), ("Xī’ān", "xi1 an1"),
        ("fāngàn", "fan1 gan4"), ("nǚ'ér", "nv3 er2"), ("lǜsè", "lv4 se4"), ("zhuàngtài", "zhuang4 tai4"),
        ("péngyou", "peng2 you5"), ("xièxie", "xie4 xie5"), ("māma", "ma1 ma5"), ("hăo", "hao3"),
    ],
)  # fmt: skip
def test_words_are_cut_into_syllables(written: str, syllables: str) -> None:
    assert syllables_of(written) == tuple(syllables.split())


@pytest.mark.parametrize(
    "word", ["Rīga", "Māori", "Tōkyō", "sumō", "jūdō", "Dvořák", "café", "Nội", "ma", "", "ā" * 50]
)
def test_words_of_other_languages_are_none(word: str) -> None:
    assert syllables_of(word) == ()


@pytest.mark.parametrize(
    ("text", "hybrid"),
    [
        ("nǐ hǎo", tokens("ni3 hao3")),
        ("Wǒ de péngyou, lǎoshī.", f"{tokens('wo3 de5 peng2 you5')}, {tokens('lao3 shi1')}."),
        ("shàng qù", tokens("shang4 qu4")),
    ],
)
def test_runs_are_mandarin_without_blanks(frontend: TextFrontend, text: str, hybrid: str) -> None:
    assert frontend.to_hybrid(text) == hybrid


def test_pinyin_inside_an_english_sentence(frontend: TextFrontend) -> None:
    hybrid = frontend.to_hybrid("Say nǐ hǎo to me.")
    assert tokens("ni3 hao3") in hybrid
    assert hybrid.endswith("<|EN_M|><|EN_IY1|>.")


@pytest.mark.parametrize("text", ["là où", "qué pasa", "voilà, café", "São Tomé", "déjà vu", "Hà Giàng", "dé la sé"])
def test_marks_that_other_languages_share_do_not_make_pinyin(frontend: TextFrontend, text: str) -> None:
    assert all(
        symbol.startswith("<|EN_") for symbol in frontend.to_hybrid(text).replace("><", "> <").split() if "<" in symbol
    )


def test_a_single_syllable_among_characters_is_pinyin(frontend: TextFrontend) -> None:
    assert frontend.to_hybrid("读bú不读bù").count("<|B|><|U") == 3


def test_a_dictionary_wins_over_pinyin() -> None:
    front = TextFrontend(TextConfig(replacements={"hǎo": "<|HELD|>"}), tiny_tokenizer())
    assert front.to_hybrid("nǐ hǎo") == f"{tokens('ni3')} <|HELD|>"


def test_third_tones_change_where_a_model_was_trained_so() -> None:
    front = TextFrontend(TextConfig(tone_sandhi=True), tiny_tokenizer())
    assert front.to_hybrid("Lǎohǔ lái.") == f"{tokens('lao2 hu3 lai2')}."


def test_without_phonemes_it_stays_text() -> None:
    front = TextFrontend(TextConfig(phoneme_in="off"), tiny_tokenizer())
    assert front.to_hybrid("nǐ hǎo") == "nǐ hǎo"
