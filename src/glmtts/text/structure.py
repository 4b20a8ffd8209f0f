"""What the lines of a text say: where a sentence goes on at a line end, and where a paragraph, heading or item ends.

Whole texts (`blocks`) and texts in parts (text/reader.py) follow the same rule. A line end is decided from the line,
the one after it and the widest line of the paragraph so far, never from later lines, so that a stream decides as `say`
does.
"""

import re
from dataclasses import dataclass, field
from enum import IntEnum

from glmtts.text.lines import Kind, Line, lines_of, width_of
from glmtts.text.sentences import ends

# Readers of audio books leave half a second and more between paragraphs (0.15 s is usual between our pieces), and a
# heading must stand apart from the paragraph that it names even more.
PARAGRAPH_SECONDS, HEADING_SECONDS = 0.5, 0.7
# Wrapped prose is 55 to 100 columns wide; a line of verse is narrower, an unwrapped paragraph wider.
NARROWEST, WIDEST = 55, 100
NARROWEST_CHINESE = 40
# Marks that may not begin a line move to the next one with the character before them: 3 wide characters.
CHINESE_SLACK = 6
LONGEST_HEADING = 60  # columns; a choice


class Break(IntEnum):
    """What ends at the end of a block; the numbers order them by the pause that follows."""

    NONE = 0
    LINE = 1
    PARAGRAPH = 2
    HEADING = 3

    @property
    def seconds(self) -> float | None:
        """The pause after it; None where the usual one follows."""
        return {Break.PARAGRAPH: PARAGRAPH_SECONDS, Break.HEADING: HEADING_SECONDS}.get(self)


@dataclass
class Block:
    """A stretch of text without a break inside: its place in the text, its words without the marks of lines."""

    start: int
    end: int
    text: str = ""
    after: Break = Break.NONE
    # Whether more text cannot move its end.
    sure: bool = True
    # Where the words of a last line begin that may yet turn out to be a block of its own.
    doubtful: int | None = None
    # Places of the text: (position in `text`, position in the whole).
    places: list[tuple[int, int]] = field(default_factory=list)

    def place(self, position: int) -> int:
        """Where a position in `text` is in the whole text."""
        inside, outside = max(pair for pair in self.places if pair[0] < position)
        return outside + position - inside


@dataclass(frozen=True)
class Layout:
    """What is known of the paragraph before a part of a text: its widest line, the columns of the line that goes on.

    `inside` says that the block goes on too, `code` that a fence is open.
    """

    width: int = 0
    column: int = 0
    code: bool = False
    inside: bool = False


_FINAL = re.compile(r"[.!?。！？…][\"'”’」』）)\]*_]*$")
_PAUSE = re.compile(r"[.!?。！？…,，、;；:：—-][\"'”’」』）)\]*_]*$")
# The beginning of a subtitle's time, whose stop ends no sentence.
_TIME = re.compile(r"\[?\d[\d:.,]*\]?")
_CHAPTER = re.compile(
    r"(?:第[零〇一二三四五六七八九十百千两\d]{1,6}[章节回卷部篇集幕]|[序楔]言?子?$|"
    r"(?i:chapter|part|book|act|scene|volume|section|canto)\s+(?:[ivxlc]+|\d+|[a-z]{3,9})\b)"
)
_WIDE = re.compile(r"[⺀-鿿豈-﫿︰-﹏＀-｠\U00020000-\U0003ffff“”‘’…—]")


# Lines without words; the name of a language after a fence is the only word among them.
_EMPTY = (Kind.BLANK, Kind.RULE, Kind.FENCE, Kind.UNDERLINE, Kind.SEPARATOR, Kind.CUE)


def blocks(text: str, layout: Layout = Layout()) -> list[Block]:
    """The blocks of a text in order; together they cover all of it, but for blank lines at its front."""
    found: list[Block] = []
    above: Line | None = None
    width = layout.width
    for line in lines_of(text, layout.column, layout.code):
        block = found[-1] if found else None
        if line.kind is Kind.BLANK and line.columns:
            continue  # the end of a line whose words were taken before
        if line.kind in _EMPTY:
            if block:
                block.end, block.sure = (line.start if line.text else line.end), True
                if line.kind is Kind.CUE and above and block.text.isdigit():
                    block.text = ""  # the number of a subtitle
                whole = len(block.places) == 1 and not (layout.inside and len(found) == 1)
                block.after = max(block.after, _empty(line, above, block.text, whole))
            above, width = (above, width) if line.kind is Kind.SEPARATOR else (None, 0)
            if not line.text:
                continue
        width = max(width, line.columns)
        if block and above and _joins(above, line, width):
            before = len(block.text)
            _append(block, line, _joint(block.text, line.text))
            block.doubtful = None if _decided(above, line) else before
        else:
            if block:
                block.after = max(block.after, _between(above, line))
                block.sure = _decided(above, line)
            found.append(Block(line.start, line.end))
            _append(found[-1], line, "")
            if line.kind is Kind.HEADING:
                found[-1].after = Break.HEADING
        above = line
    return found


def _decided(above: Line | None, line: Line) -> bool:
    """Whether enough of a line has arrived to tell if it goes on from the one above.

    After a full stop its kind says so; inside a sentence its width counts as well, unless the sentence has ended.
    """
    if _TIME.fullmatch(line.text) and not line.ended:
        return False
    if line.kind in (Kind.ITEM, Kind.HEADING) or line.ended or any(True for _ in ends(line.text)):
        return True
    after_stop = above is None or _FINAL.search(above.text) is not None
    return after_stop and line.kind is Kind.PLAIN and len(line.text) > 2 and line.text[0].isalpha()


def _append(block: Block, line: Line, joint: str) -> None:
    block.text += joint
    block.places.append((len(block.text), line.start + line.offset))
    block.text += line.text
    block.end = line.end


def _empty(line: Line, above: Line | None, text: str, whole: bool) -> Break:
    """What a line without words ends: a heading, if `text` is a `whole` short line, else a paragraph."""
    if line.kind in (Kind.FENCE, Kind.SEPARATOR, Kind.CUE):
        return Break.LINE
    if above is None or above.kind is not Kind.PLAIN:
        return Break.PARAGRAPH
    alone = whole and above.columns <= LONGEST_HEADING
    if line.kind is Kind.UNDERLINE and alone:
        return Break.HEADING
    return Break.HEADING if alone and not _PAUSE.search(text) else Break.PARAGRAPH


def _between(above: Line | None, line: Line) -> Break:
    """What ends where the next block begins without a blank line."""
    if above is None:
        return Break.NONE
    if line.kind is Kind.HEADING:
        return Break.PARAGRAPH
    if above.kind is Kind.PLAIN and _is_chapter(above, line):
        return Break.HEADING
    return Break.PARAGRAPH if line.kind is Kind.PLAIN and _starts_paragraph(above, line) else Break.LINE


def _is_chapter(above: Line, line: Line) -> bool:
    alone = above.columns <= LONGEST_HEADING and not _FINAL.search(above.text) and not line.text[:1].islower()
    return alone and _CHAPTER.match(above.text) is not None


def _starts_paragraph(above: Line, line: Line) -> bool:
    """Whether the first line of a paragraph is indented, or each paragraph is one long line."""
    return above.columns > WIDEST or (line.indent >= 2 and line.indent > above.indent and above.kind is Kind.PLAIN)


def _joins(above: Line, line: Line, width: int) -> bool:
    """Whether the sentence, or at least the paragraph, goes on from one line to the next."""
    if line.kind is not Kind.PLAIN or above.kind not in (Kind.PLAIN, Kind.ITEM):
        return False
    if line.text.isdigit():
        return False  # the number of a subtitle or of a page
    if above.kind is Kind.ITEM and line.indent >= 2:
        return True
    if _is_chapter(above, line) or _starts_paragraph(above, line):
        return False
    if _FINAL.search(above.text):
        return above.kind is Kind.PLAIN or line.indent > 0
    if _WIDE.match(above.text[-1]) or _WIDE.match(line.text[0]):
        return width >= NARROWEST_CHINESE and above.columns >= width - CHINESE_SLACK
    return _wrapped(above, line, width)


def _wrapped(above: Line, line: Line, width: int) -> bool:
    """Whether a line of Latin letters is full: the next word would not have fitted into the widest line so far.

    A line in small letters that does not follow a single word needs no more; one that begins with a capital or a digit
    is a new line of its own unless the lines are as wide as prose is wrapped.
    """
    lower = line.text.lstrip("\"'“‘(")[:1].islower()
    if lower and re.search(r"[A-Za-z]-$", above.text):
        return True
    first = line.text.split(None, 1)[0]
    full = above.columns + 1 + width_of(first) > width
    if lower:
        return full and " " in above.text
    return full and width >= NARROWEST


def _joint(left: str, right: str) -> str:
    """What stands for a line end inside a sentence: nothing between Chinese characters and after a hyphen."""
    if _WIDE.match(left[-1]) or (_WIDE.match(right[0]) and left[-1] not in ".,;:!?"):
        return ""
    return "" if re.search(r"[A-Za-z]-$|[-–—/]$", left) and not left.endswith((" -", "--", " –")) else " "


def sentence_ends(text: str) -> list[int]:
    """Where the sentences that are whole in `text` end, as far as one can tell before more of it arrives."""
    found = blocks(text)
    places = [block.place(end) for block in found for end in ends(block.text)]
    return sorted({*places, *(block.end for block in found if block.after and block.sure)})


def ends_paragraph(line: Line) -> bool:
    """Whether a line has no words and is not just the end of a line whose words were taken before."""
    return line.kind in _EMPTY and line.kind is not Kind.SEPARATOR and not (line.kind is Kind.BLANK and line.columns)
