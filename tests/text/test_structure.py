"""Lines, paragraphs and headings: one rule for whole texts and for texts that arrive in parts."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glmtts.synthesis.text_stream import pieces_of
from glmtts.text.frontend import TextConfig, TextFrontend
from glmtts.text.normalise import normalise
from glmtts.text.reader import Reader
from glmtts.text.structure import HEADING_SECONDS, PARAGRAPH_SECONDS, Block, Break, blocks, sentence_ends
from tests.tiny import tiny_tokenizer

DATA = Path(__file__).parent / "data"
CHAPTERS = ("chapter_en.txt", "chapter_zh.txt")
LINES = ["Title", "# Head", "- item", "1. first", "and so it went on for a while", "The end.", "我们去公园",
         "今天很好。", "",
         "| a | b |", "```", "---", "7", "00:00:01,000 --> 00:00:04,000", "[00:12.34]Never gonna", "[ar:A]",
         "> said", "　　话说", "word",
         "A long line of prose that fills all of its seventy columns, or nearly so,"]  # fmt: skip


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend(TextConfig(), tiny_tokenizer())


def shown(text: str) -> list[tuple[str, str]]:
    return [(block.text, block.after.name) for block in blocks(text)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Title\n\nThe text.\n\nMore.", [("Title", "HEADING"), ("The text.", "PARAGRAPH"), ("More.", "NONE")]),
        ("# Title #\ntext", [("Title", "HEADING"), ("text", "NONE")]),
        ("Title\n=====\ntext", [("Title", "HEADING"), ("text", "NONE")]),
        ("Chapter 2\nIt rained.", [("Chapter 2", "HEADING"), ("It rained.", "NONE")]),
        ("第二回 话说\n正文。", [("第二回 话说", "HEADING"), ("正文。", "NONE")]),
        ("a hard-wrapped\nsentence of a book", [("a hard-wrapped sentence of a book", "NONE")]),
        ("He was a well-\nknown man of the town", [("He was a well-known man of the town", "NONE")]),
        ("Milk\nEggs\nBread", [("Milk", "LINE"), ("Eggs", "LINE"), ("Bread", "NONE")]),
        ("milk\neggs\nbread", [("milk", "LINE"), ("eggs", "LINE"), ("bread", "NONE")]),
        ("Roses are red\nViolets are blue", [("Roses are red", "LINE"), ("Violets are blue", "NONE")]),
        ("床前明月光\n疑是地上霜", [("床前明月光", "LINE"), ("疑是地上霜", "NONE")]),
        ("- one\n- two\n  goes on\n\nafter", [("one", "LINE"), ("two goes on", "PARAGRAPH"), ("after", "NONE")]),
        ("- [ ] open\n- [x] done", [("open", "LINE"), ("done", "NONE")]),
        ("> said\n> he. Yes.", [("said", "LINE"), ("he. Yes.", "NONE")]),
        ("| a | b |\n|---|---|\n| 1 | 2 |", [("| a | b |", "LINE"), ("| 1 | 2 |", "NONE")]),
        ("One.\n* * *\nTwo.", [("One.", "PARAGRAPH"), ("Two.", "NONE")]),
        ("　　话说一。\n　　且说二。", [("话说一。且说二。", "NONE")]),
        ("话说一。\n　　且说二。", [("话说一。", "PARAGRAPH"), ("且说二。", "NONE")]),
        ("He left.\nShe stayed.", [("He left. She stayed.", "NONE")]),
        (f"{'word ' * 30}end.\nNext one.", [(f"{'word ' * 30}end.", "PARAGRAPH"), ("Next one.", "NONE")]),
        ("```python\nx = 1\n```\nok", [("python", "LINE"), ("x = 1", "LINE"), ("ok", "NONE")]),
        ("\n\n\n", []),
        (
            "1\n00:00:01,000 --> 00:00:02,000\nHello.\n\n2\n00:00:03,000 --> 00:00:04,000\n5 of us",
            [("", "LINE"), ("Hello.", "PARAGRAPH"), ("", "LINE"), ("5 of us", "NONE")],
        ),
        ("[00:12.34]Never\n[00:15.00] [00:20.00]gonna", [("Never", "LINE"), ("gonna", "NONE")]),
        ("7\n\nThe end.", [("7", "HEADING"), ("The end.", "NONE")]),
    ],
)  # fmt: skip
def test_what_the_lines_say(text: str, wanted: list[tuple[str, str]]) -> None:
    assert shown(text) == wanted


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_wrapped_line_ends_no_sentence(frontend: TextFrontend, name: str) -> None:
    text = (DATA / name).read_text(encoding="utf-8")
    assert len(text.splitlines()) > 20
    for pieces in (frontend.prepare(text), list(pieces_of(frontend, text.splitlines(keepends=True), None))):
        assert [piece.text for piece in pieces if not re.search(r"[.!?;:,。！？；：，]$", piece.text)] == []
    # Without its line ends the text says the same: nothing is inserted or lost at any of them.
    paragraphs = [re.sub(r"(?<=[^\x00-\x7f])\n　*", "", part).replace("\n", " ") for part in text.split("\n\n")]
    assert normalise(text) == normalise("\n\n".join(paragraphs))


@pytest.mark.parametrize("name", CHAPTERS)
def test_pauses_at_headings_and_paragraphs(frontend: TextFrontend, name: str) -> None:
    text = (DATA / name).read_text(encoding="utf-8")
    paragraphs = len(re.findall(r"\n\n", text.strip()))
    for pieces in (frontend.prepare(text), list(pieces_of(frontend, [text], None))):
        pauses = [piece.pause_after for piece in pieces if piece.pause_after]
        assert pauses[0] == HEADING_SECONDS
        assert pauses.count(PARAGRAPH_SECONDS) == paragraphs - 1
        assert pieces[-1].pause_after is None


def test_the_last_lines_are_read_where_a_text_ends_in_code() -> None:
    reader = Reader()
    said = [sentence.text for sentence in [*reader.feed("See:\n```\nA\nB b"), *reader.finish()]]
    assert said == ["See:", "A", "B b"]


def read_in_parts(text: str, size: int) -> list[tuple[str, str, Break]]:
    reader = Reader()
    parts = [text[start : start + size] for start in range(0, len(text), size)]
    found = [sentence for part in parts for sentence in reader.feed(part)] + list(reader.finish())
    return [(sentence.raw, sentence.text.strip(), sentence.after) for sentence in found]


@given(st.lists(st.sampled_from(LINES), max_size=12), st.integers(1, 40))
@settings(max_examples=100, deadline=None)
def test_parts_are_read_as_the_whole(lines: list[str], size: int) -> None:
    text = "\n".join(lines)
    whole, parts = read_in_parts(text, len(text) + 1), read_in_parts(text, size)
    assert "".join(raw for raw, *_ in parts) == "".join(raw for raw, *_ in whole) == text
    assert [(said, after) for _, said, after in parts if said] == [(said, after) for _, said, after in whole if said]


def test_a_block_covers_its_text() -> None:
    text = "  # One\n\n- two\n  three\n\nfour"
    found: list[Block] = blocks(text)
    assert [text[block.start : block.end] for block in found] == ["  # One\n\n", "- two\n  three\n\n", "four"]


def test_text_that_never_ends_is_cut() -> None:
    reader = Reader()
    found = [sentence for _ in range(1000) for sentence in reader.feed("word ")]
    assert found
    assert all(len(sentence.raw) <= 2000 for sentence in found)


@pytest.mark.parametrize(
    ("taken", "parts", "after"),
    [
        ("One.", ["\n\nTwo. T"], Break.PARAGRAPH),
        ("One.", ["\n", "\n", "Two. T"], Break.PARAGRAPH),
        ("One.\n", ["\n  Two. T"], Break.PARAGRAPH),
        ("One.", ["\nTwo. T"], None),
        ("One.", [" Two. T"], None),
    ],
)
def test_what_follows_a_sentence_that_was_taken_early(taken: str, parts: list[str], after: Break | None) -> None:
    reader = Reader()
    first = [*reader.feed(taken), *reader.finish()]
    more = [sentence for part in parts for sentence in reader.feed(part)]
    assert [(sentence.text, sentence.after) for sentence in first] == [("One.", Break.NONE)]
    assert [sentence.after for sentence in more if not sentence.text] == ([after] if after else [])
    assert [sentence.text.strip() for sentence in more if sentence.text] == ["Two."]
    assert "".join(sentence.raw for sentence in [*first, *more]) + reader.waiting == taken + "".join(parts)


def test_ends_for_who_takes_text_by_itself() -> None:
    assert sentence_ends("One. Two") == [4]
    assert sentence_ends("- one\n- t") == [6]
    assert sentence_ends("We saw Mr. Hill") == []
    assert sentence_ends("a wrapped line of\ntext goes on") == []
