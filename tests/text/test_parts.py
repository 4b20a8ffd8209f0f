"""A text that arrives in parts is read as the whole of it: numbers, controls, abbreviations, entities."""

import pytest

from glmtts.errors import ConfigError, TextError
from glmtts.synthesis.options import dictionary
from glmtts.synthesis.text_stream import pieces_of
from glmtts.text.frontend import TextConfig, TextFrontend
from glmtts.text.pronunciations import Pronunciations
from tests.tiny import tiny_tokenizer


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend(TextConfig(), tiny_tokenizer())


@pytest.mark.parametrize(
    "text",
    [
        # bare numbers after Mandarin
        "今天的会议安排如下。\n\n9:00-10:30\n\n请大家准时参加。", "价格：\n- 12.5%\n- 30%", "哈哈！666！",
        "你好。OK！5G。",
        "会议时间：\n2024年5月12日\n15:30", "你好。I have 3 cats and $5.",
        # abbreviations before a capital
        "The U.S. Army marched on.", "J.K. Rowling wrote it.", "The J.R.R. Tolkien book.", "At 5 p.m. Monday we met.",
        "He lives in the U.S. The end.", "On King Jr. Blvd. it rained. So said King Jr. Then he left.",
        "DR. NO LEFT. NO. 5 CAME.", "See Vol. II now.", "He is 5 ft. 3 in. tall.",
        "The U.N. Security Council met.",
        # entities
        "Tom &amp; Jerry ran.", "If x &lt; 5 then stop.", "A&#39;s &#x4f60; end.",
        # controls with marks and line ends in them
        'Say <say-as interpret-as="characters">A.B. C</say-as> now. Bye.',
        '<say-as interpret-as="telephone">555. 1234</say-as> is it.',
        '<phoneme alphabet="arpabet" ph="HH AH0 L OW1">Hello! You</phoneme> there.',
        '<sub alias="Doctor Who">Dr. Who? No</sub> came.', '<sub alias="Robert">Bob\nSmith</sub> ran.',
        "{read|R\nEH1 D} it.", '<say-as\ninterpret-as="characters">AB</say-as> ok.',
        "[One. Two](http://a.b/c) ok.", "<!-- a comment. Two --> Hi there.",
        # what is never closed
        "Use [x. And then more follows. It goes on.", "I like a <b and c. Then more.", "It is {a. And so on. Bye.",
    ],
)  # fmt: skip
@pytest.mark.parametrize("one_by_one", [False, True])
def test_parts_are_read_as_the_whole(frontend: TextFrontend, text: str, one_by_one: bool) -> None:
    whole = "".join(piece.text for piece in frontend.prepare(text))
    read = "".join(piece.text for piece in pieces_of(frontend, list(text) if one_by_one else [text], None))
    assert read.replace(" ", "") == whole.replace(" ", "")


def test_english_sentences_of_a_bilingual_text_keep_their_numbers(frontend: TextFrontend) -> None:
    parts = ["书名：战争\n\n", "In 1984 there were 30 people. ", "It cost $3.50."]
    read = " ".join(piece.text for piece in pieces_of(frontend, parts, None))
    assert "nineteen eighty four there were thirty people" in read and "three dollars and fifty cents" in read


def test_an_open_bracket_holds_nothing_back_for_long(frontend: TextFrontend) -> None:
    pieces = pieces_of(frontend, ["It is [open. ", *["And so it goes on. "] * 40], None)
    assert len(list(pieces)) > 5


@pytest.mark.parametrize(
    ("text", "added"),
    [
        ("{Siobhan|SH IH0 V AO1 N}'s hat", "<|EN_Z|>"),
        ("{Jack|JH AE1 K}'s hat", "<|EN_S|>"),
        ("{Liz|L IH1 Z}’s hat", "<|EN_IH0|><|EN_Z|>"),
        ("{Joe|JH OW1}'ll go", "<|EN_AH0|><|EN_L|>"),
        ("{Nguyen|W IH1 N}'d go", "<|EN_D|>"),
        ("two {GPU|JH IY1 P IY1 Y UW1}s run", "<|EN_Z|>"),
        ("Nuyen's hat", "<|EN_Z|>"),
    ],
)
def test_what_hangs_on_a_given_reading_is_said_with_it(frontend: TextFrontend, text: str, added: str) -> None:
    front = frontend.with_pronunciations(Pronunciations({"Nuyen": "W IH1 N"}))
    (piece,) = front.prepare(text)
    hybrid = front.to_hybrid(piece.text)
    before, _, after = hybrid.partition(added + " ")
    assert after and before.endswith("|>") and "'" not in before and "’" not in before
    assert "".join(span.text for span in front.spans(piece.text)) == piece.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{行|háng}业", "<|H|><|ANG2|>业"),
        ("{女|nǚ}人", "<|N|><|V3|>人"),
        ("{行长|hángzhǎng}", "<|H|><|ANG2|><|ZH|><|ANG3|>"),
        ("{hello|həˈloʊ} you", "<|EN_HH|><|EN_AH0|><|EN_L|><|EN_OW1|> you"),
        ("{行|xing2/}", "行"),
        ("{行|xíng xíng}", "行"),
        ("{a|b} and {x|y}", "a, b, and, x, y"),
    ],
)
def test_readings_with_marks_are_readings(frontend: TextFrontend, text: str, said: str) -> None:
    assert "".join(piece.text for piece in frontend.prepare(text)).strip(" ,") == said


@pytest.mark.parametrize("words", [{"x": 5}, {5: "hang2"}, {"x": None}])
def test_readings_that_are_no_text_are_told(words: dict) -> None:
    with pytest.raises(TextError, match="Give words and readings as text"):
        dictionary(words)


@pytest.mark.parametrize("words", [["a"], 5, ("a", "b")])
def test_what_is_no_dictionary_is_told(words: object) -> None:
    with pytest.raises(ConfigError, match="Give words and their readings, or the path of a file"):
        dictionary(words)  # type: ignore[arg-type]
