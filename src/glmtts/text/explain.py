"""Why each character of a text becomes what it becomes: the logic of `glm-tts phonemes`."""

from typing import Any, NamedTuple

from glmtts.text.frontend import TextFrontend
from glmtts.text.hybrid import Span
from glmtts.text.mandarin import CHINESE
from glmtts.text.markup import CONTROL, Control, parse_control
from glmtts.text.normalise import is_chinese
from glmtts.text.phonemes import ENGLISH, SYMBOL, to_pinyin
from glmtts.text.placeholders import PLACEHOLDERS

Entry = dict[str, Any]
_ENGLISH = frozenset(ENGLISH)


class Part(NamedTuple):
    """A stretch of a text as it is written, the control that it is, if any, and one entry a character."""

    written: str
    control: Control | None
    entries: list[Entry]


def explain(frontend: TextFrontend, line: str) -> list[Entry]:
    """One entry a character of `line`, in order.

    `char`; `pinyin` with tone digit 1 to 5 and v for ü, or None; `symbols`, the phonemes that it becomes (those of an
    English word, or of a dictionary's word without one syllable a character, stand at its first character);
    `replaced`; and `why`. The line is explained as written: numbers and signs are put in words before speaking.

    Raises:
        TextError: a control in the line is not valid.
    """
    return [entry for part in explain_parts(frontend, line) for entry in part.entries]


def explain_parts(frontend: TextFrontend, line: str) -> list[Part]:
    """The same with what belongs to a control kept together; the parts joined are `line`.

    Raises:
        TextError: a control in the line is not valid.
    """
    language = "zh" if is_chinese(line) else "en"
    parts: list[tuple[str, Control | None]] = []
    position = 0
    for match in CONTROL.finditer(line):
        control = parse_control(match, language)
        if control is None:
            continue
        parts += [(line[position : match.start()], None), (match[0], control if isinstance(control, Control) else None)]
        position = match.end()
    parts.append((line[position:], None))
    return _explain_parts(frontend, [part for part in parts if part[0]])


def _explain_parts(frontend: TextFrontend, parts: list[tuple[str, Control | None]]) -> list[Part]:
    """Plain parts are read together, so that a polyphone sees across a control."""
    flat = "".join(control.written if control else text for text, control in parts)
    # The front end keeps one private character for itself; any other sign stands in for it here.
    read = [entry for span in frontend.spans(flat.replace(PLACEHOLDERS[0], "\ufffd")) for entry in _entries(span)]
    spans = [entry | {"char": character} for entry, character in zip(read, flat, strict=True)]
    explained: list[Part] = []
    position = 0
    for text, control in parts:
        length = len(control.written if control else text)
        entries = _controlled(text, control) if control else spans[position : position + length]
        explained.append(Part(text, control, entries))
        position += length
    return explained


def _entries(span: Span) -> list[Entry]:
    symbols = SYMBOL.findall(span.hybrid)
    if len(span.text) == 1:
        return [_entry(span.text, span.pinyin or _pinyin(symbols), symbols, span.hybrid != span.text, span.why)]
    return _shared_out(span.text, symbols, span.why)


def _controlled(written: str, control: Control) -> list[Entry]:
    """Characters of a control: its word has the readings, the signs around it are not spoken."""
    symbols = SYMBOL.findall(control.phonemes)
    start = written.find(control.written, 1) if control.written else -1
    if not symbols or start < 0:
        return [_entry(character, None, [], False, "control, not spoken") for character in written]
    end = start + len(control.written)
    around = [_entry(character, None, [], False, "control, not spoken") for character in written[:start]]
    word = _shared_out(control.written, symbols, "written as phonemes in the text")
    return around + word + [_entry(character, None, [], False, "control, not spoken") for character in written[end:]]


def _shared_out(word: str, symbols: list[str], why: str) -> list[Entry]:
    """One syllable a character where the numbers agree; else everything at the first."""
    syllables = _syllables(symbols)
    if len(syllables) != len(word) or not all(map(CHINESE.match, word)):
        syllables = [symbols] + [[] for _ in word[1:]]
    replaced = bool(symbols)
    return [
        _entry(character, _pinyin(part), part, replaced, why) for character, part in zip(word, syllables, strict=True)
    ]


def _syllables(symbols: list[str]) -> list[list[str]]:
    """Mandarin symbols, cut after each final."""
    syllables: list[list[str]] = [[]]
    for symbol in symbols:
        syllables[-1].append(symbol)
        if symbol[-1].isdigit():
            syllables.append([])
    return [syllable for syllable in syllables if syllable]


def _pinyin(symbols: list[str]) -> str | None:
    """Pinyin of the symbols where they are one whole Mandarin syllable; an initial alone is none."""
    one = (
        len(_syllables(symbols)) == 1
        and symbols[-1][-1].isdigit()
        and not any(symbol in _ENGLISH for symbol in symbols)
    )
    return to_pinyin(symbols) if one else None


def _entry(character: str, pinyin: str | None, symbols: list[str], replaced: bool, why: str) -> Entry:
    return {"char": character, "pinyin": pinyin, "symbols": symbols, "replaced": replaced, "why": why}
