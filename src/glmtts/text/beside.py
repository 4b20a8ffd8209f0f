"""Readings beside inline control: what stands next to `{行|hang2}` is read with the word in view, not with a gap.

A control is phonemes in the hybrid text, so that the readers of words see none there. Here the text is read once more
with the words of its controls, and what comes out otherwise is written as phonemes, too.
"""

from collections.abc import Mapping

from glmtts.text.hybrid import HELD, HybridWriter, Replacements, Span
from glmtts.text.mandarin import CHINESE
from glmtts.text.markup import Control
from glmtts.text.phonemes import SYMBOL, split_syllable
from glmtts.text.script import simplified
from glmtts.text.words import Sentence

MOST_ROUNDS = 4  # what is written as phonemes hides from its neighbours in turn; two rounds were enough so far


def readings_beside(
    writer: HybridWriter, part: str, controls: Mapping[str, Control], replacements: Replacements
) -> dict[int, str]:
    """Places in `part` and the phonemes of the characters there that the words of `controls` change.

    `part` holds one private character for each control, by which `controls` names them.
    """
    held = {place: controls[mark] for place, mark in enumerate(part) if mark in controls and controls[mark].written}
    if not held or writer.mode == "off":
        return {}
    wanted = _in_view(writer, part, held, replacements)
    found: dict[int, str] = {}
    for _ in range(MOST_ROUNDS):
        masked = "".join(HELD if place in found or mark in controls else mark for place, mark in enumerate(part))
        seen = _by_place(writer.masked_spans(masked, replacements))
        more = {
            place: span.hybrid
            for place, span in wanted.items()
            if place in seen and (now := seen[place]).text == span.text and now.pinyin and now.hybrid != span.hybrid
        }
        if not more:
            break
        found |= more
    return found


def _in_view(
    writer: HybridWriter, part: str, held: Mapping[int, Control], replacements: Replacements
) -> dict[int, Span]:
    """Spans of single Chinese characters, by their place in `part`, in the text with the words of its controls.

    Those in one word with a control whose reading the word speaks against are left out: {行|xing2}长 is no 行长.
    """
    flat, starts = "", []
    for place, mark in enumerate(part):
        starts.append(len(flat))
        flat += held[place].written if place in held else mark
    spans = _by_place(writer.masked_spans(flat, replacements))
    sentence = Sentence(simplified(flat))
    other: set[int] = set()
    for place, control in held.items():
        for number, wanted in enumerate(_syllables(control)):
            position = starts[place] + number
            span = spans.get(position)
            if span is None or (span.pinyin and split_syllable(span.pinyin) != wanted):
                word = sentence.around(position)[1]
                other.update(range(word.start, word.end) if word else ())
    return {
        place: span
        for place, start in enumerate(starts)
        if place not in held and start not in other and (span := spans.get(start)) and CHINESE.fullmatch(span.text)
    }


def _by_place(spans: list[Span]) -> dict[int, Span]:
    found, position = {}, 0
    for span in spans:
        found[position] = span
        position += len(span.text)
    return found


def _syllables(control: Control) -> list[list[str]]:
    """The Mandarin syllables of a control's phonemes, one for each of its characters, else none."""
    syllables: list[list[str]] = [[]]
    for symbol in SYMBOL.findall(control.phonemes):
        syllables[-1].append(symbol)
        if symbol[-1].isdigit():
            syllables.append([])
    syllables = [syllable for syllable in syllables if syllable]
    return syllables if len(syllables) == len(CHINESE.findall(control.written)) == len(control.written) else []
