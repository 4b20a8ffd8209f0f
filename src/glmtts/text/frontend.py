"""Text as a person writes it to the ids that the language model reads (report sections 2.2 and 2.6)."""

import logging
import re
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import Protocol, Self, get_args

from pydantic import Field

from glmtts.config import StrictConfig
from glmtts.errors import ConfigError, EmptyTextError, TextError
from glmtts.text.beside import readings_beside
from glmtts.text.english import WORD
from glmtts.text.hybrid import TOKENS, HybridWriter, PhonemeIn, Replacements, Span
from glmtts.text.mandarin import CHINESE
from glmtts.text.markup import Control, parse
from glmtts.text.normalisation import scripts
from glmtts.text.normalisation.languages import Language
from glmtts.text.normalise import closed, is_chinese, joined, speak, structure
from glmtts.text.placeholders import is_placeholder
from glmtts.text.reader import Sentence
from glmtts.text.release_form import release_form
from glmtts.text.split import split_text
from glmtts.text.structure import Block, Break
from glmtts.text.tokenizer import TextTokenizer
from glmtts.text.vocabulary import safe_characters
from glmtts.text.written import shares, source_of

_log = logging.getLogger(__name__)


class TextConfig(StrictConfig):
    """How text becomes ids.

    `phoneme_in`: "all" replaces every character and word that has a known reading, "ambiguous" only characters
    outside `safe_characters` (the package's own list where it is empty), homographs, and English words that no
    dictionary knows, "off" none. `replacements` are words and the hybrid text that stands for them, whatever the mode
    but "off"; the longest match wins. `polyphones_in_context` weighs the sentence around a polyphone; without it the
    dictionary's phrases decide. `tone_sandhi` says whether the model was trained with readings as they are spoken
    (ni2 hao3) rather than as they are written (ni3 hao3). `release_form` writes what is read as the released weights
    know it (release_form.py).
    """

    phoneme_in: PhonemeIn = "all"
    safe_characters: str = ""
    replacements: dict[str, str] = Field(default={})
    polyphones_in_context: bool = True
    tone_sandhi: bool = False
    release_form: bool = False
    shortest_piece: float = Field(default=12, ge=0)
    longest_piece: float = Field(default=36, gt=0)
    max_characters: int = Field(default=5000, ge=1)


class Dictionary(Protocol):
    """Words and the hybrid text that stands for them; see `glmtts.text.pronunciations`."""

    @property
    def words(self) -> Mapping[str, str]:
        """Word → hybrid text; another object whenever the content changed."""
        ...


@dataclass(frozen=True)
class Piece:
    """A piece of normalised text that is spoken at once, with the silence that `<break>` asks for, in seconds.

    `pause_after` is None where the text says nothing, so that the usual pause follows. `written` is the piece with the
    words whose reading was given, in place of their phonemes; `source` is what the author wrote, marks and figures
    included, without markup. `warnings`, of the first piece of a text, say in a
    sentence each what in the text was not read, and why. `cut` says that the sentence goes on in the next piece.
    """

    text: str
    written: str = ""
    pause_before: float = 0.0
    pause_after: float | None = None
    warnings: tuple[str, ...] = ()
    cut: bool = False
    source: str = ""

    @property
    def closed(self) -> str:
        """The text with an end mark, unless the sentence goes on in the next piece.

        Without one a model does not know that it is done: "Oh" went on to its bound, "Oh." ends by itself.
        """
        return closed(self.text) if _unmarked(self.text) and not self.cut else self.text


class TextFrontend:
    """Normalises, splits and encodes text for one vocabulary."""

    def __init__(self, config: TextConfig, tokenizer: TextTokenizer, pronunciations: Dictionary | None = None) -> None:
        self.config, self.tokenizer, self.pronunciations = config, tokenizer, pronunciations
        safe = frozenset(config.safe_characters) or safe_characters()
        self._writer = HybridWriter(
            config.phoneme_in, safe, tokenizer.special, config.polyphones_in_context, config.tone_sandhi
        )
        self._replacements = Replacements(config.replacements)
        self._words: Mapping[str, str] | None = None

    def with_pronunciations(self, pronunciations: Dictionary | None) -> Self:
        """The same front end with another dictionary of pronunciations, for one request or one user."""
        # shallow: the vocabulary and the writer are shared, so that one for each request costs nothing
        other = copy(self)
        other.pronunciations, other._words = pronunciations, None
        other._replacements = Replacements(self.config.replacements)
        return other

    def with_mode(self, mode: str | None) -> Self:
        """The same front end with another mode of phonemes; None changes nothing.

        Raises:
            ConfigError: there is no such mode.
        """
        if mode is None or mode == self.config.phoneme_in:
            return self
        if mode not in get_args(PhonemeIn):
            raise ConfigError(f"The phoneme mode is '{mode}'. Choose one of {', '.join(get_args(PhonemeIn))}.")
        config = self.config.model_copy(update={"phoneme_in": mode})
        return type(self)(config, self.tokenizer, self.pronunciations)

    def prepare(self, text: str, language: str | None = None) -> list[Piece]:
        """Normalised pieces of `text`, each short enough to be spoken at once; inline control is resolved.

        Raises:
            TextError: nothing in it can be spoken, it is too long, or a control in it is not valid.
        """
        if len(text) > self.config.max_characters:
            raise TextError(
                f"The text has {len(text)} characters; at most {self.config.max_characters} are spoken at once. "
                "Split it into parts."
            )
        chosen = _language(text, language)
        marked, controls, warnings = parse(text, chosen)
        pieces = self._prepared(structure(marked), controls, chosen, warnings)
        for warning in pieces[0].warnings:
            _log.warning(warning)
        return pieces

    def prepare_sentence(self, sentence: Sentence, language: str | None = None) -> list[Piece]:
        """The pieces of one sentence of a text in parts, with the pause that its place in the text asks for.

        Its warnings are not logged: whoever joins the sentences logs each once.

        Raises: as `prepare`.
        """
        if len(sentence.text) > self.config.max_characters:
            raise TextError(f"A sentence has more than {self.config.max_characters} characters. Split it into parts.")
        chosen = _language(sentence.text, language or ("zh" if sentence.chinese else None))
        marked, controls, warnings = parse(sentence.text, chosen)
        blocks = structure(marked)
        if blocks:
            blocks[-1].after = sentence.after
        return self._prepared(blocks, controls, chosen, warnings, more=True)

    def _prepared(
        self,
        blocks: list[Block],
        controls: dict[str, Control],
        language: Language,
        warnings: list[str],
        more: bool = False,
    ) -> list[Piece]:
        """Pieces of blocks; `more` says that text follows, so that the pause after the last block counts too."""
        pieces: list[Piece] = []
        unread: dict[str, str] = {}
        before = 0.0
        for number, (spoken, after) in enumerate(groups := list(_groups(blocks, language, unread))):
            last = number == len(groups) - 1 and not more
            ends = not last and (after is not Break.NONE or not more)
            for segment, pause in _segments(closed(spoken) if ends else spoken, controls):
                pieces += self._pieces(segment, controls)
                if pieces and pause is not None:
                    pieces[-1] = replace(pieces[-1], pause_after=(pieces[-1].pause_after or 0.0) + pause)
                elif pause is not None:
                    before += pause
            if pieces and not last and after.seconds is not None:
                pieces[-1] = replace(pieces[-1], pause_after=max(pieces[-1].pause_after or 0.0, after.seconds))
        if unread:
            warnings = [*warnings, scripts.warning(unread)]
        if not pieces:
            raise EmptyTextError(before, warnings)
        sources = shares(source_of(blocks, controls), [piece.written or piece.text for piece in pieces])
        pieces = [replace(piece, source=source) for piece, source in zip(pieces, sources, strict=True)]
        return [replace(pieces[0], pause_before=before, warnings=tuple(warnings)), *pieces[1:]]

    def to_hybrid(self, piece: str) -> str:
        """Phonemes in place of the characters and words that `phoneme_in` names; the rest stays text."""
        hybrid = "".join(span.hybrid for span in self.spans(piece))
        return release_form(hybrid) if self.config.release_form else hybrid

    def spans(self, piece: str) -> list[Span]:
        """What becomes of each character and word of a piece, and why."""
        return self._writer.spans(piece, self._current())

    def encode(self, hybrid: str) -> list[int]:
        """Ids of hybrid text."""
        return self.tokenizer.encode(hybrid)

    def ids(self, piece: str) -> list[int]:
        """Ids of a normalised piece."""
        return self.encode(self.to_hybrid(piece))

    def _current(self) -> Replacements:
        """Replacements of the configuration and of the dictionary as it is now; the dictionary wins."""
        words = self.pronunciations.words if self.pronunciations is not None else None
        if words is not self._words:
            self._words = words
            self._replacements = Replacements(self.config.replacements | dict(words or {}))
        return self._replacements

    def _pieces(self, segment: str, controls: dict[str, Control]) -> list[Piece]:
        parts = split_text(segment, self.config.shortest_piece, self.config.longest_piece)
        pieces = [self._put_back(part, controls) for part in parts]
        pieces = [replace(piece, cut=_unmarked(piece.text)) for piece in pieces[:-1]] + pieces[-1:]
        return [piece for piece in pieces if _speakable(piece.text)]

    def _put_back(self, part: str, controls: dict[str, Control]) -> Piece:
        held = {mark: controls.get(mark, Control()) for mark in part if is_placeholder(mark)}
        spoken = {mark: self._spoken(control) for mark, control in held.items()}
        written = {mark: control.written or spoken[mark] for mark, control in held.items()}
        beside = readings_beside(self._writer, part, held, self._current()) if held else {}
        return Piece(
            text="".join(beside.get(place) or spoken.get(mark, mark) for place, mark in enumerate(part)),
            written="".join(written.get(mark, mark) for mark in part),
        )

    def _spoken(self, control: Control) -> str:
        """Phonemes of a control, or its written form where the vocabulary lacks them."""
        tokens = re.findall(r"<\|[^<>|]+\|>", control.phonemes)
        # the release has no phonemes of English
        return control.phonemes if all(token in self.tokenizer.special for token in tokens) else control.written


def _language(text: str, wanted: str | None) -> Language:
    return "zh" if wanted == "zh" or (wanted is None and is_chinese(text)) else "en"


def _groups(blocks: list[Block], language: Language, unread: dict[str, str]) -> Iterator[tuple[str, Break]]:
    """Spoken text up to each paragraph's or heading's end; letters that cannot be read are added to `unread`."""
    group: list[tuple[str, Break]] = []
    for block in blocks:
        spoken = speak(block.text, language)
        for script, letters in spoken.unread.items():
            unread[script] = unread.get(script, "") + letters
        group.append((spoken.text, block.after))
        if block.after.seconds is not None:
            yield joined(group), block.after
            group = []
    if group:
        yield joined(group), group[-1][1]


def _segments(spoken: str, controls: dict[str, Control]) -> Iterator[tuple[str, float | None]]:
    """Text between breaks, each with the pause in seconds that follows it, None at the end."""
    start = 0
    for position, mark in enumerate(spoken):
        control = controls.get(mark)
        if control and control.pause is not None:
            yield spoken[start:position], control.pause
            start = position + 1
    yield spoken[start:], None


def _unmarked(text: str) -> bool:
    """Whether no mark follows the last word."""
    return text[-1:].isalnum()


def _speakable(piece: str) -> bool:
    return bool(WORD.search(piece) or CHINESE.search(piece) or TOKENS.search(piece))


def phonemes_of(hybrid: str) -> list[str]:
    """Phoneme symbols of hybrid text with "|" between words and syllables: the labels of the ASR head."""
    labels: list[str] = []
    for item in re.findall(r"<\|(.+?)\|>|(\s)|[^<]", hybrid):
        symbol = item[0]
        # Mandarin: an initial has no digit, a final ends with its tone; a final without an initial is a syllable too
        starts_syllable = symbol and not symbol.startswith("EN_") and not symbol[-1].isdigit()
        if symbol:
            lone_final = symbol[-1].isdigit() and not symbol.startswith("EN_") and _closed(labels)
            # an English word may follow a syllable without a blank: "有点儿nervous"
            starts_word = symbol.startswith("EN_") and bool(labels) and not labels[-1].startswith("EN_")
            if (starts_syllable or lone_final or starts_word) and labels and labels[-1] != "|":
                labels.append("|")
            labels.append(symbol)
        elif labels and labels[-1] != "|":
            labels.append("|")
    return labels[:-1] if labels and labels[-1] == "|" else labels


def _closed(labels: list[str]) -> bool:
    """Whether the last label ends a syllable, so that a final after it begins a new one."""
    return bool(labels) and (labels[-1].startswith("EN_") or labels[-1][-1].isdigit())
