"""Hybrid text: phonemes where a reading must be sure, text elsewhere (report section 2.6)."""

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from glmtts.text.acronyms import read_capitals
from glmtts.text.english import WORD, dictionary, pronounce, spell, with_clitic
from glmtts.text.homographs import homograph_model
from glmtts.text.letters import is_letter_a
from glmtts.text.mandarin import CHINESE, read_pinyin
from glmtts.text.phonemes import SYMBOL, split_syllable, token
from glmtts.text.pinyin_marks import pinyin_words
from glmtts.text.placeholders import PLACEHOLDERS
from glmtts.text.sandhi import apply_sandhi
from glmtts.text.vocabulary import polyphones, rare_characters

PhonemeIn = Literal["all", "ambiguous", "off"]
TOKENS = re.compile(r"(?:<\|[A-Z][A-Z0-9_]*\|>)+")
HELD = PLACEHOLDERS[0]
WRITTEN, LISTED = "written as phonemes in the text", "in the dictionary of pronunciations"
_CLITICS = frozenset(["s", "d", "ll", "ve", "re", "m"])


class Span(NamedTuple):
    """A character, word or run of phonemes of a piece, what stands for it, its pinyin if it has one, and why."""

    text: str
    hybrid: str
    pinyin: str | None
    why: str


class Replacements:
    """Words and the hybrid text that stands for them; the longest match wins, Latin words match whole, in any case."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._words = {word.lower(): hybrid for word, hybrid in words.items()}
        # `re` takes the first alternative that fits, so the longest comes first
        patterns = map(_whole, sorted(words, key=len, reverse=True))
        self._pattern = re.compile("|".join(patterns), re.IGNORECASE) if words else None

    def search(self, text: str, position: int) -> tuple[int, int, str] | None:
        """Start, end and hybrid text of the next word from `position`."""
        match = self._pattern.search(text, position) if self._pattern else None
        return (match.start(), match.end(), self._words[match[0].lower()]) if match else None


def _whole(word: str) -> str:
    latin = re.compile(r"[A-Za-z]")
    before = r"(?<![A-Za-z])" if latin.match(word[0]) else ""
    after = r"(?![A-Za-z])" if latin.match(word[-1]) else ""
    return before + re.escape(word) + after


def _with_clitics(spans: list[Span]) -> list[Span]:
    """Spans with what hangs on a word of a given reading said with it: Siobhan's, Joe'll, and the plural GPUs."""
    for place, span in enumerate(spans):
        if span.why not in (WRITTEN, LISTED) or not span.hybrid.endswith("|>"):
            continue
        phones = tuple(symbol.removeprefix("EN_") for symbol in SYMBOL.findall(span.hybrid) if symbol.startswith("EN_"))
        joint, last = spans[place + 1 : place + 2], spans[place + 2 : place + 3]
        if not phones or not joint:
            continue
        if joint[0].text in ("'", "’") and last and last[0].text.lower() in _CLITICS:
            spans[place + 1] = joint[0]._replace(hybrid="", why="of a clitic")
            spans[place + 2] = _hung(last[0], phones)
        elif joint[0].text == "s" and span.why == WRITTEN:
            spans[place + 1] = _hung(joint[0], phones)
    return spans


def _hung(span: Span, phones: tuple[str, ...]) -> Span:
    """The span of a clitic, by what it adds to the phones of its word."""
    added = with_clitic(phones, f"'{span.text.lower()}")[len(phones) :]
    return span._replace(hybrid="".join(token(f"EN_{phone}") for phone in added), why="a clitic")


class HybridWriter:
    """Writes pieces as hybrid text for a vocabulary with the special tokens `known`."""

    def __init__(
        self, mode: PhonemeIn, safe: Container[str], known: Container[str], in_context: bool, sandhi: bool
    ) -> None:
        self.mode, self.safe, self.known, self.in_context, self.sandhi = mode, safe, known, in_context, sandhi

    def spans(self, piece: str, replacements: Replacements) -> list[Span]:
        """The spans of a piece in order; their texts joined are the piece, their hybrids the hybrid text."""
        held = iter(TOKENS.findall(piece))
        # one of these characters in the text itself would be taken for the place of a run
        masked = TOKENS.sub(HELD, piece.replace(HELD, ""))
        return _with_clitics(
            [
                span if span.text != HELD else Span(run := next(held), run, None, WRITTEN)
                for span in self.masked_spans(masked, replacements)
            ]
        )

    def masked_spans(self, text: str, replacements: Replacements) -> list[Span]:
        """The spans of a text without phonemes; `HELD` may stand for a run of them."""
        return list(self._spans(text, replacements))

    def _spans(self, text: str, replacements: Replacements) -> Iterator[Span]:
        if self.mode == "off":
            yield from (Span(character, character, None, "phoneme-in is off") for character in text)
            return
        readings = read_pinyin(text, self.in_context)
        if self.sandhi:
            readings = apply_sandhi(text, readings)
        position = 0
        for start, end, fixed in [*self._fixed(text, replacements), (len(text), len(text), None)]:
            pairs = zip(text[position:start], readings[position:start], strict=True)
            yield from (self._character(character, pinyin) for character, pinyin in pairs)
            if fixed:
                yield fixed
            position = end

    def _fixed(self, text: str, replacements: Replacements) -> Iterator[tuple[int, int, Span]]:
        """Replacements, words of pinyin and English words in order: start, end, span."""
        position, marked = 0, pinyin_words(text)
        found, word = replacements.search(text, 0), WORD.search(text, 0)
        while found or word:
            # where both begin at one place, the user's word wins
            if found and (not word or found[0] <= word.start()):
                start, end, hybrid = found
                yield start, end, Span(text[start:end], hybrid, None, LISTED)
            elif word:
                start, end = word.span()
                span = self._word(text, start, end)
                if pinyin := marked.get(start):
                    start = max(position, pinyin.start)
                    span = self._pinyin(text[start:end], pinyin.syllables)
                yield start, end, span
            position = end
            if found and found[0] < position:
                found = replacements.search(text, position)
            if word and word.start() < position:
                word = WORD.search(text, position)

    def _character(self, character: str, pinyin: str | None) -> Span:
        hybrid = "".join(map(token, split_syllable(pinyin))) if pinyin else ""
        if not hybrid or not pinyin:
            why = "no known reading" if CHINESE.match(character) else "not a Chinese character or an English word"
            return Span(character, character, None, why)
        if self.mode == "ambiguous" and character in self.safe:
            return Span(character, character, pinyin, "safe: frequent, and of one reading")
        return Span(character, hybrid, pinyin, self._why(character))

    def _why(self, character: str) -> str:
        if character in polyphones():
            return f"polyphone: {', '.join(polyphones()[character])}"
        if character in rare_characters():
            return "rare character"
        return "every known reading is replaced" if self.mode == "all" else "not in the list of safe characters"

    def _pinyin(self, written: str, syllables: Sequence[str]) -> Span:
        """A word of pinyin with tone marks, with the blank before it where another one stands there."""
        if self.sandhi:
            # no characters are known: third tones alone change
            syllables = [reading or "" for reading in apply_sandhi("\0" * len(syllables), list(syllables))]
        tokens = [token(symbol) for syllable in syllables for symbol in split_syllable(syllable)]
        if not all(item in self.known for item in tokens):
            return Span(written, written, None, "this vocabulary has no Mandarin phonemes")
        return Span(written, "".join(tokens), None, "pinyin with tone marks")

    def _word(self, text: str, start: int, end: int) -> Span:
        word = text[start:end]
        phones, why = _phones(text, start, end)
        if self.mode == "ambiguous" and why == "in the dictionary":
            return Span(word, word, None, "in the dictionary, one reading")
        tokens = [token(f"EN_{phone}") for phone in phones]
        if not tokens or not all(item in self.known for item in tokens):
            return Span(word, word, None, "this vocabulary has no English phonemes")
        return Span(word, "".join(tokens), None, why)


def _phones(text: str, start: int, end: int) -> tuple[tuple[str, ...], str]:
    word = text[start:end]
    if word == "A" and is_letter_a(text, start, end):
        return spell("a"), "in the dictionary"
    if capitals := read_capitals(text, start, end):
        return capitals, "by its capitals, or a name"
    if homograph_model().known(word.lower()):
        return homograph_model().read(text, start, end), f"homograph: {homograph_model().label(text, start, end)}"
    if inflected := homograph_model().inflected(word.lower()):
        return inflected, "inflected form of a homograph's verb"
    known = word.lower().replace("’", "'") in dictionary()
    return pronounce(word), "in the dictionary" if known else "in no dictionary: by its parts or spelling"
