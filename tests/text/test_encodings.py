"""Books come in whatever encoding; what is no text is one sentence."""

from pathlib import Path

import pytest

from glmtts.errors import TextError
from glmtts.text.encodings import decoded, encoding_of, open_text

CHAPTER = "第一章\n\n　　他说：“好。”今天天气很好，我们去公园散步吧。\n"
TRADITIONAL = "今天天氣很好，我們去公園散步吧。她說：「你好！」\n"
WESTERN = "It’s a café – “naïve” prices of £5.\n"
CASES = [
    (CHAPTER, ("utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le", "utf-16-be", "utf-32")),
    ("你好，世界。", ("utf-8", "gbk", "utf-16")),
    ("再见", ("gbk",)),
    (TRADITIONAL, ("utf-8", "big5", "utf-16")),
    (WESTERN, ("utf-8", "cp1252", "utf-16-le")),
    ("Le garçon a mangé la crème brûlée à l’hôtel.\n", ("cp1252", "utf-16-le", "utf-16-be")),
    ("ABC 你好 hello, mixed 中文 text", ("gbk",)),
]


@pytest.mark.parametrize(("text", "encoding"), [(text, one) for text, names in CASES for one in names])
@pytest.mark.parametrize("times", [1, 40])
def test_text_is_read_in_its_encoding(text: str, encoding: str, times: int, tmp_path: Path) -> None:
    data = (text * times).encode(encoding)
    assert decoded(data, "it") == text * times
    (tmp_path / "book.txt").write_bytes(data)
    with open_text(tmp_path / "book.txt") as book:
        assert "".join(book) == text * times


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"PK\x03\x04rest", "docx"),
        (b"%PDF-1.7", "a PDF"),
        (b"RIFF....WAVE", "audio"),
        (bytes(range(256)) * 4, "no text in UTF-8"),
        (b"\xff\xfe\xff", "to its end"),
    ],
)
def test_what_is_no_text_is_one_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(TextError, match=f"book.*{sentence}") as error:
        decoded(data, "book")
    assert "\n" not in str(error.value)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TextError, match="Give the path of a text file"):
        open_text(tmp_path / "none.txt")


def test_a_sample_may_end_within_a_character() -> None:
    data = CHAPTER.encode()
    assert all(encoding_of(data[:length], "it", whole=False) == "utf-8" for length in range(len(data)))
