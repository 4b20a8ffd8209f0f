"""The form in which the released weights read text: the last step before their vocabulary.

The released language model never saw anything else: lower case, few marks, none doubled, no quotes or brackets, and an
end mark on every text, the prompt's included. Without that mark, ends are cut and prompts leak into the speech.
"""

import re

from glmtts.text.mandarin import CHINESE

_TOKEN = re.compile(r"(<\|[^<>|]+\|>)")
_TABLE = str.maketrans(
    {
        **dict.fromkeys('“”"「」『』《》〈〉【】（）()[]{}‘', ""),
        **dict.fromkeys("、；：", "，"),
        **dict.fromkeys("！!", "."),
        **dict.fromkeys("…～", "。"),
        "？": "?",
        "’": "'",
    }
)
_DASHES = re.compile(r"\s*[—–]+\s*")
_ENDS, _PAUSES = "。.?", "，,;:"
_LETTERS = re.compile(r"\b[a-z](?: [a-z])+\b")  # the release writes "am", "phd", "usa"
_HYPHEN = re.compile(r"(?<=[a-z])-(?=[a-z])")
_BEFORE_CHINESE = re.compile(rf",\s*(?={CHINESE.pattern})")
_BLANK = re.compile(rf"(?<={CHINESE.pattern})\s+(?={CHINESE.pattern})")
_RUN = re.compile(rf"[{_ENDS}{_PAUSES}](?:\s*[{_ENDS}{_PAUSES}])+")


def release_form(hybrid: str) -> str:
    """Hybrid text as the release would write it; its phonemes stay as they are.

    "You did it! Ready?" → "you did it. ready?"; 他说：“好的……” → 他说，好的。; a lone "OK" → "ok."
    """
    parts = _TOKEN.split(hybrid)
    # a split by a group puts the phonemes at the odd places: they keep their capitals
    parts[::2] = [part.lower().translate(_TABLE) for part in parts[::2]]
    text = _DASHES.sub(_pause_at, "".join(parts))
    text = _HYPHEN.sub(" ", _LETTERS.sub(lambda letters: letters[0].replace(" ", ""), text))
    text = _BLANK.sub("", _BEFORE_CHINESE.sub("，", text))
    text = _RUN.sub(lambda run: _one_of(run[0]), text).strip()
    text = text.lstrip(_ENDS + _PAUSES).strip()
    return _ended(text)


def _pause_at(dash: re.Match[str]) -> str:
    """A dash between Chinese is a comma, between Latin letters a blank."""
    before = dash.string[: dash.start()][-1:]
    return "，" if CHINESE.match(before) else " "


def _one_of(marks: str) -> str:
    """The mark that remains of several: a question, else the first end, else the first pause."""
    marks = "".join(marks.split())
    if "?" in marks:
        return "?"
    return next((mark for mark in marks if mark in _ENDS), marks[0])


def _ended(text: str) -> str:
    """The text with an end mark in its own script: 。 where it is Chinese, else a full stop."""
    end = "。" if CHINESE.search(text) else "."
    if (text.endswith(".") and end == "。") or (text.endswith("。") and end == "."):
        return text[:-1] + end
    return text if text.endswith((*_ENDS, *_PAUSES)) else text + end
