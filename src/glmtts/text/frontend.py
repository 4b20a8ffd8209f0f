"""Text as a person writes it to the ids that the language model reads (report sections 2.2 and 2.6)."""

import re
from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from glmtts.config import StrictConfig
from glmtts.errors import TextError
from glmtts.text.english import WORD, dictionary, pronounce
from glmtts.text.mandarin import CHINESE, read_pinyin
from glmtts.text.normalise import normalise
from glmtts.text.phonemes import split_syllable, token
from glmtts.text.split import split_text
from glmtts.text.tokenizer import TextTokenizer

PhonemeIn = Literal["all", "ambiguous", "off"]


class TextConfig(StrictConfig):
    """How text becomes ids.

    `phoneme_in`: "all" replaces every character and word that has a known reading, "ambiguous" only characters
    outside `safe_characters` and English words that no dictionary knows, "off" none. `replacements` are words and
    the hybrid text that stands for them, whatever the mode but "off"; the longest match wins.
    """

    phoneme_in: PhonemeIn = "all"
    safe_characters: str = ""
    replacements: dict[str, str] = Field(default={})
    shortest_piece: float = 12
    longest_piece: float = 36
    max_characters: int = 5000


class TextFrontend:
    """Normalises, splits and encodes text for one vocabulary."""

    def __init__(self, config: TextConfig, tokenizer: TextTokenizer) -> None:
        self.config, self.tokenizer = config, tokenizer
        self._safe = set(config.safe_characters)
        words = sorted(config.replacements, key=len, reverse=True)
        self._replaced = re.compile("|".join(map(re.escape, words))) if words else None

    def prepare(self, text: str, language: str | None = None) -> list[str]:
        """Normalised pieces of `text`, each short enough to be spoken at once.

        Raises:
            TextError: nothing in it can be spoken, or it is too long.
        """
        if len(text) > self.config.max_characters:
            raise TextError(
                f"The text has {len(text)} characters; at most {self.config.max_characters} are spoken at once. "
                "Split it into parts."
            )
        spoken = normalise(text, language)
        if not (WORD.search(spoken) or CHINESE.search(spoken)):
            raise TextError("The text holds nothing to speak. Give at least one word in Mandarin or English.")
        pieces = split_text(spoken, self.config.shortest_piece, self.config.longest_piece)
        return [piece for piece in pieces if WORD.search(piece) or CHINESE.search(piece)]

    def to_hybrid(self, piece: str) -> str:
        """Phonemes in place of the characters and words that `phoneme_in` names; the rest stays text."""
        if self.config.phoneme_in == "off":
            return piece
        readings = read_pinyin(piece)
        out, position = [], 0
        for start, end, spoken in [*self._fixed(piece), (len(piece), len(piece), "")]:
            pairs = zip(piece[position:start], readings[position:start], strict=True)
            out += [self._character(character, pinyin) for character, pinyin in pairs]
            out.append(spoken)
            position = end
        return "".join(out)

    def _fixed(self, piece: str) -> Iterator[tuple[int, int, str]]:
        """Replacements and English words in order: start, end, hybrid text."""
        position = 0
        while position < len(piece):
            replaced = self._replaced.search(piece, position) if self._replaced else None
            word = WORD.search(piece, position)
            if not replaced and not word:
                return
            if replaced and (not word or replaced.start() <= word.start()):
                yield replaced.start(), replaced.end(), self.config.replacements[replaced[0]]
                position = replaced.end()
            elif word:
                yield word.start(), word.end(), self._word(word[0])
                position = word.end()

    def encode(self, hybrid: str) -> list[int]:
        """Ids of hybrid text."""
        return self.tokenizer.encode(hybrid)

    def ids(self, piece: str) -> list[int]:
        """Ids of a normalised piece."""
        return self.encode(self.to_hybrid(piece))

    def _character(self, character: str, pinyin: str | None) -> str:
        if pinyin is None or (self.config.phoneme_in == "ambiguous" and character in self._safe):
            return character
        return "".join(map(token, split_syllable(pinyin))) or character

    def _word(self, word: str) -> str:
        if self.config.phoneme_in == "ambiguous" and word.lower() in dictionary():
            return word
        phones = [token(f"EN_{phone}") for phone in pronounce(word)]
        known = all(phone in self.tokenizer.special for phone in phones)
        return "".join(phones) if phones and known else word


def phonemes_of(hybrid: str) -> list[str]:
    """Phoneme symbols of hybrid text with "|" between words and syllables: the labels of the ASR head."""
    labels: list[str] = []
    for item in re.findall(r"<\|(.+?)\|>|(\s)|[^<]", hybrid):
        symbol = item[0]
        starts_syllable = symbol and not symbol.startswith("EN_") and not symbol[-1].isdigit()
        if symbol:
            lone_final = symbol[-1].isdigit() and not symbol.startswith("EN_") and _closed(labels)
            if (starts_syllable or lone_final) and labels and labels[-1] != "|":
                labels.append("|")
            labels.append(symbol)
        elif labels and labels[-1] != "|":
            labels.append("|")
    return labels[:-1] if labels and labels[-1] == "|" else labels


def _closed(labels: list[str]) -> bool:
    """Whether the last label ends a syllable, so that a final after it begins a new one."""
    return bool(labels) and (labels[-1].startswith("EN_") or labels[-1][-1].isdigit())
