"""Captions carry the text as the author wrote it, while the models read it normalised."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glmtts.errors import TextError
from glmtts.text.frontend import TextConfig, TextFrontend
from glmtts.text.written import shares, stretches
from tests.tiny import tiny_tokenizer

FRONT = TextFrontend(TextConfig(), tiny_tokenizer())


def words(text: str) -> list[tuple[str, int]]:
    """The written words of a text that is one piece, and how many spoken words each is."""
    (piece,) = FRONT.prepare(text)
    return [(one.text, one.last - one.first) for one in stretches(piece.source, piece.written or piece.text)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("It costs $5.50, doesn't it?", [("It", 1), ("costs", 1), ("$5.50", 5), ("doesn't", 1), ("it", 1)]),
        ("他花了￥300。", [("他", 1), ("花", 1), ("了", 1), ("￥300", 3)]),
        ("It is -5%, or $5.", [("It", 1), ("is", 1), ("-5%", 3), ("or", 1), ("$5", 2)]),
        ("Meet me at 3:30 pm.", [("Meet", 1), ("me", 1), ("at", 1), ("3:30 pm", 4)]),
        ("银{行|hang2}在左边。", [("银", 1), ("行", 1), ("在", 1), ("左", 1), ("边", 1)]),
        ("Café & **co**.", [("Café", 1), ("&", 1), ("co", 1)]),
        ("我們說話。", [("我", 1), ("們", 1), ("說", 1), ("話", 1)]),
    ],
)
def test_words_are_those_of_the_author(text: str, wanted: list[tuple[str, int]]) -> None:
    assert words(text) == wanted


def test_pieces_share_the_text_with_its_marks() -> None:
    text = (
        "“Yes,” she said at 3:30 pm, and paid $1,234.56 for it; then she left the room without another word! "
        "他在2024年3月5日说：“真的吗？我们去公园散步吧，今天天气非常好。”"
        "(The end…) Dr. Smith paid 20% of €3 and went home at last."
    )
    pieces = FRONT.prepare(text)
    assert len(pieces) > 2
    assert "".join(piece.source for piece in pieces).replace(" ", "") == text.replace(" ", "")
    assert pieces[0].source.startswith("“Yes,”")
    assert all(piece.source[0] not in "，。,.!?”)" for piece in pieces)


def test_markup_is_not_shown() -> None:
    text = '# A title\n\nSome **bold** words <break time="1s"/> and {行|hang2}.\n\n- an item\n'
    shown = " ".join(piece.source for piece in FRONT.prepare(text))
    assert shown == "A title Some bold words and 行. an item"


PARTS = ["你好", "$5", "3:30", "and", "。", ", ", " ", "€", "x1", "(", "”", "20%", "\n\n"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(["你好", "$5", "3:30", "and", "。", ", ", " ", "€", "x1", "(", "”", "20%", "\n\n"]),
        min_size=1,
        max_size=60,
    )
)
def test_every_spoken_word_belongs_to_one_stretch(parts: list[str]) -> None:
    text = "".join(parts)
    try:
        pieces = FRONT.prepare(text)
    except TextError:
        return
    for piece in pieces:
        found = stretches(piece.source, piece.written or piece.text)
        assert all(one.text in piece.source for one in found)
        places = [place for one in found for place in range(one.first, one.last)]
        assert places == list(range(len(places)))


def test_a_text_without_anything_in_common_goes_to_the_first() -> None:
    assert shares("12345", ["one two", "three four five"]) == ["12345", ""]
    assert shares("  alone ", ["alone"]) == ["alone"]
    assert shares("x", []) == []
