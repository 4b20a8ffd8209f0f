"""Where controls and tags lie in a text that is still being written, so that none is cut in two.

What can no longer become one is text: `3 < 5`, `<3`, `a<b, so`, `{at this and that`.
"""

import re

from glmtts.text.markup import CONTROL

_OPENING = re.compile(r"[{<]")
_PAIRED = r"(?:say-as|phoneme|sub)\b"
_WHOLE = re.compile(rf"{CONTROL.pattern}|<!--[^<>]*-->|</?(?!{_PAIRED})[A-Za-z][^<>]{{0,400}}>")
# up to the end of the text; possessive, since the work must grow as the text does
_TAG = re.compile(
    r"<[/?!]?(?:[A-Za-z][\w:-]*+"
    r"(?:\s++[A-Za-z][\w:-]*+\s*+=\s*+(?:\"[^\"<>]*+\"|'[^'<>]*+'))*+"  # attributes that are whole
    r"(?:\s++[A-Za-z][\w:-]*+\s*+(?:=\s*+(?:\"[^\"<>]*+|'[^'<>]*+|[^\s\"'<>]*+))?+)?+\s*+[/?]?+)?\Z"
)
_CONTENT = re.compile(rf"<{_PAIRED}[^<>]*(?<!/)>[^<>]*(?:</?[a-z-]*\s*)?\Z")
_COMMENT = re.compile(r"<!-(?:-[^<>]*)?\Z")
_READING = re.compile(r"\{([^{}|,;!?，；：。！？…\n]{0,200})(\|[^{}|,;!?，；。！？…\n\u3400-\u9fff]{0,400})?\Z")
_WORD = re.compile(r"([\u3400-\u9fff])|[^\s\u3400-\u9fff]+")
_PROSE = re.compile(r"\s(?:[a-z]+\s+){3}")  # no pinyin, which has tones, and no ARPAbet
# A choice: a control has a word or a name of few. Chinese has no blanks, so that there it is eight characters.
MOST_WORDS, MOST_CHARACTERS = 3, 8


def controls(text: str) -> tuple[list[tuple[int, int]], int]:
    """Beginnings and ends of the controls in a text, in order, and where one begins that may still end (else its end).

    A tag is one by itself. `<phoneme>` and its like reach to the end tag.
    """
    spans, at = list[tuple[int, int]](), 0
    while mark := _OPENING.search(text, at):
        if whole := _WHOLE.match(text, mark.start()):
            spans.append(whole.span())
            at = whole.end()
        elif _may_end(text, mark.start()):
            return spans, mark.start()
        else:
            at = mark.end()
    return spans, len(text)


def _may_end(text: str, start: int) -> bool:
    """Whether more text could make a control of what begins at a place."""
    if text[start] == "<":
        return any(form.match(text, start) for form in (_TAG, _CONTENT, _COMMENT))
    found = _READING.match(text, start)
    if found is None:
        return False
    if found[2] is not None:
        return _PROSE.search(found[2]) is None
    words = [bool(chinese) for chinese in _WORD.findall(found[1])]
    return words.count(True) <= MOST_CHARACTERS and words.count(False) <= MOST_WORDS
