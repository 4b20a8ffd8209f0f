"""A text that arrives in parts: its sentences, each as soon as its end is sure, by the rule of text/structure.py."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from glmtts.text.lines import Kind, lines_of
from glmtts.text.markup import CONTROL
from glmtts.text.normalisation.languages import MARKUP
from glmtts.text.normalise import is_chinese
from glmtts.text.sentences import ends, is_open
from glmtts.text.structure import Block, Break, Layout, blocks, ends_paragraph

LONGEST_WAITING = 2000  # characters; a choice
_LINE_ENDS = r"\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029"
_LINE_END = re.compile(f"[{_LINE_ENDS}]")
_CONTROLS = re.compile(rf"{CONTROL.pattern}|<!--[^<>]*-->|</?[A-Za-z][^<>]{{0,400}}>")
_LATIN_WORD = re.compile(r"[A-Za-z]{2,}")
_MAY_END = re.compile(f"[.!?;。！？；…{_LINE_ENDS}]")


@dataclass(frozen=True)
class Sentence:
    """A sentence of a text in parts: as it came, its words, and what ends with it.

    `chinese` says that the text has had Chinese characters up to here and this sentence no two words of Latin letters:
    its numbers are read in Mandarin, as they would be in the text as a whole.
    """

    raw: str
    text: str
    after: Break
    chinese: bool = False


class Reader:
    """Takes a text in parts and gives its sentences, each as soon as its end is sure, or when they are asked for.

    What waits for its end has at most `longest` characters.
    """

    def __init__(self, longest: int = LONGEST_WAITING) -> None:
        self._waiting, self._layout, self._longest = "", Layout(), longest
        # Up to here there is no mark that could end anything.
        self._searched = 0
        # Whether the last sentence was taken before one could see what follows it.
        self._early = False
        self._chinese = False

    @property
    def waiting(self) -> str:
        """What has arrived and was not given yet."""
        return self._waiting

    def feed(self, part: str) -> Iterator[Sentence]:
        """More text; the sentences that are whole now. What follows an end must have begun to arrive."""
        self._waiting += part
        # what was searched before holds no mark, so that a text that comes letter by letter costs linear time
        if is_open(self._waiting):
            pass  # what is open ends sentences and lines no more than a word does
        elif _MAY_END.search(self._waiting, self._searched):
            yield from self._take(last=False)
        else:
            self._searched = len(self._waiting)
        while len(self._waiting) > self._longest:
            yield from self.take(self._waiting.rfind(" ", 1, self._longest) + 1 or self._longest)

    def finish(self) -> Iterator[Sentence]:
        """The rest, whether or not its sentence has ended. More may come nevertheless."""
        yield from self.take(len(self._waiting))

    def take(self, length: int) -> Iterator[Sentence]:
        """The first `length` characters of what waits. A blank line that follows comes as a sentence of its own."""
        self._waiting, rest = self._waiting[:length], self._waiting[length:]
        yield from self._take(last=True)
        self._early = self._early or length > 0
        self._waiting = rest

    def _take(self, last: bool) -> Iterator[Sentence]:
        for sentence in self._taken(last):
            self._chinese = self._chinese or is_chinese(sentence.text)
            words = len(_LATIN_WORD.findall(MARKUP.sub("", sentence.text)))
            yield replace(sentence, chinese=self._chinese and words < 2)

    def _taken(self, last: bool) -> Iterator[Sentence]:
        found = blocks(_in_one_line(self._waiting), self._layout)
        done, inside = 0, False
        front = self._waiting[: found[0].start] if found else self._waiting
        if self._early and self._parts(front):
            yield Sentence(front, "", Break.PARAGRAPH)
            done = len(front)
        self._early = self._early and not found and not done
        for number, block in enumerate(found):
            final = number == len(found) - 1
            if final and not last and not block.sure:
                break
            for end, text, after in self._sentences(block, open_end=final and not last, whole=block.sure or last):
                after = Break.NONE if final else after
                yield Sentence(self._waiting[done:end], text, after)
                done, inside = end, end < block.end
            if not block.sure and not last:
                break
        if last and done < len(self._waiting):
            yield Sentence(self._waiting[done:], "", Break.NONE)
            done = len(self._waiting)
        if done:
            self._layout = replace(_advanced(self._layout, self._waiting[:done]), inside=inside)
        self._waiting, self._searched = self._waiting[done:], 0

    def _parts(self, front: str) -> bool:
        """Whether the empty lines before a block end the paragraph above."""
        return any(map(ends_paragraph, lines_of(front, self._layout.column, self._layout.code)))

    def _sentences(self, block: Block, open_end: bool, whole: bool) -> Iterator[tuple[int, str, Break]]:
        """Ends in the whole text, words and breaks of the sentences of a block."""
        start = 0
        known = block.doubtful if open_end and block.doubtful is not None else len(block.text.rstrip())
        for end in ends(block.text):
            if end < known:
                yield block.place(end), block.text[start:end], Break.NONE
                start = end
        if not open_end and whole:
            yield block.end, block.text[start:], block.after


def _in_one_line(text: str) -> str:
    """The text, of the same length, with the controls, tags and comments in it free of line ends."""
    if "<" not in text and "{" not in text:
        return text
    return _CONTROLS.sub(lambda match: _LINE_END.sub(" ", match[0]), text)


def _advanced(layout: Layout, taken: str) -> Layout:
    """The layout after more of a text."""
    width, column, code = layout.width, layout.column, layout.code
    for line in lines_of(taken, column, code):
        width = 0 if ends_paragraph(line) else max(width, line.columns)
        code = code != (line.kind is Kind.FENCE)
        column = 0 if line.ended else line.columns
    return Layout(width, column, code)
