"""One line of a text: its kind by the marks of Markdown and of plain text, its words without them, its columns."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """What a line is."""

    PLAIN = auto()
    BLANK = auto()
    HEADING = auto()
    UNDERLINE = auto()
    ITEM = auto()
    ROW = auto()
    CODE = auto()
    FENCE = auto()
    RULE = auto()
    SEPARATOR = auto()
    CUE = auto()


@dataclass(frozen=True)
class Line:
    """A line: its place in the text, its kind, its words, which begin `offset` after its start, its columns."""

    start: int
    end: int
    kind: Kind
    text: str
    offset: int
    indent: int
    columns: int
    ended: bool


_FENCE = re.compile(r"(?:```+|~~~+)[ \t]*([\w+#.-]*)[^`]*$")
_RULE = re.compile(r"(?:[-_*=~—－+#.·][ \t]?){3,}$|(?:\*[ \t]?){3,}$")
_UNDERLINE = re.compile(r"(?:=+|-{3,})$")
_HEADING = re.compile(r"#{1,6}[ \t]+(?=\S)")
_QUOTE = re.compile(r"(?:>[ \t]?)+(?=[^\s\d=]|\d+[.)] |$)")
_TASK = re.compile(r"\[[ xX✓]\][ \t]+")
_BULLET = re.compile(r"(?:[-+*•●○◦▪■□►▶‣·–—][ \t　]+|[•●▪■►▶‣])(?=\S)")
_NUMBERED = re.compile(
    r"\d{1,3}(?:[.)．][ \t]+|、)(?=\S)|[（(](?:\d{1,3}|[一二三四五六七八九十]{1,3}|[a-zA-Z])[）)][ \t]*(?=\S)"
    r"|[a-zA-Z]\)[ \t]+|[一二三四五六七八九十]{1,3}、"
)
# What players read and people do not: times of SubRip and WebVTT, the head of the latter, times and facts of LRC.
_STAMP = r"(?:\d{1,3}:)?\d{1,2}:\d\d[.,]\d{1,3}"
_CUE = re.compile(
    rf"{_STAMP}[ \t]*-->[ \t]*{_STAMP}(?:[ \t]+[a-z]+:\S+)*$|WEBVTT(?: .*)?$"
    r"|\[(?:ti|ar|al|au|by|re|ve|offset|length|la):[^\[\]]*\]$"
)
_LYRIC_TIME = re.compile(r"(?:\[\d{1,3}:\d\d[.:]\d{2,3}\][ \t]*)+")
_SEPARATOR = re.compile(r"\|?[ \t:|+-]*-[ \t:|+-]*$")
_WIDE_FORMS = ("W", "F")


def width_of(text: str) -> int:
    """Columns of a text: two for a wide character."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(sign) in _WIDE_FORMS or sign in "“”‘’…—" else 1 for sign in text)


def lines_of(text: str, column: int = 0, code: bool = False) -> Iterator[Line]:
    """The lines of a text; its first begins at `column`, inside a fence of code where `code` says so."""
    start, above = 0, Kind.BLANK
    for raw in text.splitlines(keepends=True):
        line = _line(raw, start, column, code, above)
        # a fence opens or closes
        code = code != (line.kind is Kind.FENCE)
        yield line
        start, column, above = line.end, 0, line.kind


def _line(raw: str, start: int, column: int, code: bool, above: Kind) -> Line:
    content = raw.rstrip()
    words = content.lstrip()
    indent = width_of(content[: len(content) - len(words)].replace("\t", "    "))
    whole = column == 0
    kind, text = _classified(words, whole, code, above)
    offset = content.rfind(text) if text else 0
    ended = raw[-1:] in "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
    return Line(start, start + len(raw), kind, text, max(offset, 0), indent, column + width_of(content), ended)


def _classified(words: str, whole: bool, code: bool, above: Kind) -> tuple[Kind, str]:
    """Kind and words of a line without its margins."""
    if not words:
        return Kind.BLANK, ""
    if not whole:
        return Kind.PLAIN, words
    if match := _FENCE.match(words):
        return Kind.FENCE, "" if code else match[1]
    if code:
        return Kind.CODE, words
    if _UNDERLINE.match(words) and above is Kind.PLAIN:
        return Kind.UNDERLINE, ""
    if _RULE.match(words):
        return Kind.RULE, ""
    return _marked(words)


def _marked(words: str) -> tuple[Kind, str]:
    """A line by the mark at its front."""
    if _CUE.match(words):
        return Kind.CUE, ""
    if match := _LYRIC_TIME.match(words):
        words = words[match.end() :]
        return (Kind.ITEM, words) if words else (Kind.CUE, "")
    if match := _QUOTE.match(words):
        words = words[match.end() :]
        return _marked(words) if words else (Kind.BLANK, "")
    if match := _HEADING.match(words):
        return Kind.HEADING, words[match.end() :].rstrip("# \t") or words
    if "|" in words or "\t" in words:
        if _SEPARATOR.match(words):
            return Kind.SEPARATOR, ""
        if (words[0] == words[-1] == "|" and len(words) > 2) or words.count(" | ") > 1 or "\t" in words:
            return Kind.ROW, words
    if match := _BULLET.match(words):
        words = words[match.end() :]
        task = _TASK.match(words)
        return Kind.ITEM, words[task.end() :] if task else words
    return (Kind.ITEM, words) if _NUMBERED.match(words) else (Kind.PLAIN, words)
