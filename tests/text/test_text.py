"""Text: normalisation, phonemes, splitting, vocabulary; any string is spoken or refused."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glmtts.errors import TextError
from glmtts.text.bpe import prune_vocabulary, train_bpe
from glmtts.text.english import pronounce
from glmtts.text.frontend import TextConfig, TextFrontend, phonemes_of
from glmtts.text.mandarin import read_pinyin
from glmtts.text.normalise import normalise
from glmtts.text.phonemes import ENGLISH, MANDARIN, split_syllable
from glmtts.text.split import split_text, weight
from glmtts.text.tokenizer import TextTokenizer
from tests.tiny import tiny_tokenizer

SPOKEN = [
    ("气温是-5℃", "气温是零下五摄氏度"),
    ("￥1,280.50", "一千二百八十元五角"),
    ("大约1/3", "大约三分之一"),
    ("你好😀！今天", "你好！今天"),
    ("很妙！", "很妙！"),
    ("OK吗？", "OK吗？"),
    ("555-1234", "five five five, one two three four"),
    ("10:30 a.m.", "ten thirty A M"),
    ("2024年3月15日，涨了12.5%。", "二零二四年三月十五日，涨了百分之十二点五。"),
    ("3kg苹果", "三千克苹果"),
    ("**bold** [link](http://x.y) text", "bold link text"),
    ("Mrs. Manning met Dr. Smith.", "Missus Manning met Doctor Smith."),
    ("see https://example.com/a?b=c now", "see example dot com slash a question mark b equals c now"),
    ("ＡＢＣ１２３", "ABC one hundred twenty three"),
    ("他说：“好！”", "他说：好！"),
    ("第3名", "第三名"),
    ("I have 2 dogs.", "I have two dogs."),
]


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend(TextConfig(), tiny_tokenizer())


@pytest.mark.parametrize(("written", "spoken"), SPOKEN)
def test_normalisation(written: str, spoken: str) -> None:
    assert normalise(written) == spoken


def test_there_are_204_mandarin_symbols_and_arpabet() -> None:
    assert len(set(MANDARIN)) == len(MANDARIN) == 204
    assert len(set(ENGLISH)) == len(ENGLISH) == 69


@pytest.mark.parametrize(
    ("pinyin", "symbols"),
    [
        ("hang2", ["H", "ANG2"]), ("zi3", ["Z", "II3"]), ("shi4", ["SH", "III4"]), ("jiu3", ["J", "IOU3"]),
        ("hui4", ["H", "UEI4"]), ("lun2", ["L", "UEN2"]), ("lv4", ["L", "V4"]), ("xue2", ["X", "VE2"]),
        ("yan2", ["IAN2"]), ("yuan2", ["VAN2"]), ("wu3", ["U3"]), ("wei4", ["UEI4"]), ("er2", ["ER2"]),
        ("yong4", ["IONG4"]), ("you3", ["IOU3"]), ("a5", ["A5"]), ("nonsense", []),
    ],
)  # fmt: skip
def test_syllables(pinyin: str, symbols: list[str]) -> None:
    assert split_syllable(pinyin) == symbols


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("长得很快", "zhang3 de5 hen3 kuai4"),
        ("我得得到它", "wo3 dei3 de2 dao4 ta1"),
        ("朝阳朝着太阳", "zhao1 yang2 chao2 zhe5 tai4 yang2"),
        ("模样", "mu2 yang4"),
        ("银行", "yin2 hang2"),
    ],
)
def test_polyphones(text: str, reading: str) -> None:
    assert read_pinyin(text) == reading.split()


def test_modes() -> None:
    tokenizer = tiny_tokenizer()
    every = TextFrontend(TextConfig(phoneme_in="all"), tokenizer).to_hybrid("你好 Spain")
    some = TextFrontend(TextConfig(phoneme_in="ambiguous", safe_characters="你"), tokenizer).to_hybrid("你好 Spain")
    none = TextFrontend(TextConfig(phoneme_in="off"), tokenizer).to_hybrid("你好 Spain")
    assert every == "<|N|><|I3|><|H|><|AO3|> <|EN_S|><|EN_P|><|EN_EY1|><|EN_N|>"
    assert some == "你<|H|><|AO3|> Spain"
    assert none == "你好 Spain"


def test_labels_of_the_asr_head() -> None:
    hybrid = "<|N|><|I3|><|AI4|><|H|><|AO3|>，<|EN_HH|><|EN_AY1|> <|EN_Y|><|EN_UW1|>."
    assert " ".join(phonemes_of(hybrid)) == "N I3 | AI4 | H AO3 | EN_HH EN_AY1 | EN_Y EN_UW1"


def test_a_word_begins_where_the_language_changes() -> None:
    hybrid = "<|D|><|IAN3|><|ER2|><|EN_N|><|EN_OW1|><|G|><|E5|><|EN_IY0|><|AI4|>"
    assert " ".join(phonemes_of(hybrid)) == "D IAN3 | ER2 | EN_N EN_OW1 | G E5 | EN_IY0 | AI4"


@given(st.from_regex(r"[A-Za-z]{1,12}", fullmatch=True))
@settings(max_examples=200, deadline=None)
def test_every_word_has_phones(word: str) -> None:
    phones = pronounce(word)
    assert phones
    assert all(f"EN_{phone}" in ENGLISH for phone in phones)


@pytest.mark.parametrize("text", ["", "  ", "…!?", "😀🎉", "Привет", "\x01\x02", "a" * 6000])
def test_nothing_to_speak_is_refused(frontend: TextFrontend, text: str) -> None:
    with pytest.raises(TextError):
        frontend.prepare(text)


@given(st.text(max_size=80))
@settings(max_examples=150, deadline=None)
def test_any_string_is_spoken_or_refused(frontend: TextFrontend, text: str) -> None:
    try:
        pieces = frontend.prepare(text)
    except TextError:
        return
    for piece in pieces:
        assert frontend.tokenizer.decode(frontend.ids(piece.text)) == frontend.to_hybrid(piece.text)


def test_pieces_stay_in_bounds_and_lose_nothing() -> None:
    text = "今天天气很好，我们去公园散步吧。" * 20 + "3.14 is pi. " + "supercalifragilistic" * 30
    pieces = split_text(text, 12, 36)
    assert all(weight(piece) <= 36 for piece in pieces)
    assert re.sub(r"\s", "", "".join(pieces)) == re.sub(r"\s", "", text)
    assert split_text("He paid 3.14 dollars.", 12, 36) == ["He paid 3.14 dollars."]


def test_a_long_sentence_is_cut_at_its_clauses_then_between_words() -> None:
    walk = "In the evening we walked along the river, and the children ran ahead of us to the old stone bridge,"
    rest = "where they waited until the last light had gone behind the hills."
    assert split_text(f"{walk} {rest}", 12, 36) == [walk, rest]
    words = split_text("word " * 80, 12, 36)
    assert set(" ".join(words).split(" ")) == {"word"}
    assert all(weight(piece) <= 36 for piece in words)
    assert "".join(split_text("长" * 100, 12, 36)) == "长" * 100
    assert [weight(piece) for piece in split_text("长" * 100, 12, 36)] == [36, 36, 28]
    assert all(weight(piece) >= 9 for piece in split_text("word " * 28 + "word, quote", 12, 36))


def test_pruning_leaves_no_token_of_three_characters() -> None:
    ranks = {bytes([byte]): byte for byte in range(256)}
    for word in ("中国", "中国人", "hello", "我们的事"):
        ranks[word.encode()] = len(ranks)
    pruned = prune_vocabulary(ranks)
    assert set(ranks) - set(pruned) == {"中国人".encode(), "我们的事".encode()}
    assert sorted(pruned.values()) == list(range(258))


def test_trained_vocabulary_encodes_everything(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers", reason="vocabularies are trained with the extra [train]")
    ranks = train_bpe(["the rain in Spain stays", "今天天气很好", "今天天气不好"] * 20, 300)
    tokenizer = TextTokenizer(ranks, {"<|endoftext|>": len(ranks)})
    tokenizer.save(tmp_path)
    text = "今天 rain 🎉 <|endoftext|>"
    assert TextTokenizer.load(tmp_path).decode(tokenizer.encode(text)) == text
    assert len(tokenizer.encode("the rain in Spain stays")) < len("the rain in Spain stays")


def test_what_is_read_has_an_end_mark_unless_its_sentence_goes_on(frontend: TextFrontend) -> None:
    assert [piece.closed for piece in frontend.prepare("Oh")] == ["Oh."]
    assert [piece.closed for piece in frontend.prepare("嗯")] == ["嗯。"]
    assert [piece.closed for piece in frontend.prepare("Really?")] == ["Really?"]
    long = "He walked along the river that runs through the old town and over the hill " * 4
    *first, last = frontend.prepare(long)
    assert first and all(piece.closed == piece.text for piece in first)
    assert last.closed == f"{last.text}."
