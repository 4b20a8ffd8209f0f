"""Polyphones beside inline control: they are read with the controlled word in view."""

import pytest

from glmtts.text.frontend import TextConfig, TextFrontend
from tests.text.pinyin import tokens
from tests.tiny import tiny_tokenizer


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend(TextConfig(), tiny_tokenizer())


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("他在{银|yin2}行", "ta1 zai4 yin2 hang2"), ("{音|yin1}乐", "yin1 yue4"), ("会{计|ji4}", "kuai4 ji4"),
        ("{朝|chao2}鲜", "chao2 xian3"), ("{目|mu4}的地", "mu4 di4 di4"), ("{银|yin2}行里", "yin2 hang2 li3"),
    ],
)  # fmt: skip
def test_a_polyphone_sees_the_controlled_word(frontend: TextFrontend, text: str, reading: str) -> None:
    (piece,) = frontend.prepare(text)
    assert frontend.to_hybrid(piece.text) == tokens(reading)
    assert "{" not in piece.written
    assert len(piece.written) == len(reading.split())


def test_a_control_that_speaks_against_the_word_makes_none(frontend: TextFrontend) -> None:
    """银 in another reading than that of the bank leaves 行 as it was beside a gap."""
    (piece,) = frontend.prepare("他在{银|yin3}行")
    assert frontend.to_hybrid(piece.text) == tokens("ta1 zai4 yin3 xing2")


def test_words_of_a_dictionary_stay_whole_beside_a_control() -> None:
    front = TextFrontend(TextConfig(replacements={"行里": "<|ONE|>"}), tiny_tokenizer())
    (piece,) = front.prepare("在{银|yin2}行里")
    assert front.to_hybrid(piece.text).endswith("<|IN2|><|ONE|>")


def test_without_phonemes_nothing_is_added() -> None:
    front = TextFrontend(TextConfig(phoneme_in="off"), tiny_tokenizer())
    (piece,) = front.prepare("他在{银|yin2}行")
    assert piece.text == f"他在{tokens('yin2')}行"
