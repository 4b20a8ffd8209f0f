"""Readings that users write: words in TOML or JSONL, as pinyin, phoneme symbols, ARPAbet or IPA."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from glmtts.config import parse_toml
from glmtts.errors import ConfigError, TextError
from glmtts.text.ipa import arpabet_of_ipa
from glmtts.text.mandarin import CHINESE
from glmtts.text.normalise import normalise
from glmtts.text.phonemes import ENGLISH, MANDARIN, split_syllable, token
from glmtts.text.pinyin_marks import syllables_of

_MANDARIN, _ENGLISH = frozenset(MANDARIN), frozenset(ENGLISH)
_TOML_KEY = re.compile(r"""^\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*=""")
_KINDS = "pinyin with a tone (hang2), phoneme symbols (H ANG2), ARPAbet (R EH1 D) or IPA (/rɛd/)"


def hybrid_reading(word: str, reading: str) -> str:
    """The phonemes of `reading` as hybrid text: `hang2`, `H ANG2`, `R EH1 D` and `/rɛd/` are all understood.

    Where symbols belong to both languages (M AO1), a word with Chinese characters takes them as Mandarin.

    Raises:
        TextError: the reading is none of these, or has not one syllable a character.
    """
    chinese = CHINESE.search(word) is not None
    ways = [_pinyin, _marked, _symbols, _arpabet, _ipa] if chinese else [_arpabet, _pinyin, _symbols, _ipa]
    symbols = next((found for way in ways if (found := way(reading))), [])
    if not symbols:
        raise TextError(f"The reading '{reading}' of '{word}' is not known. Write {_KINDS}.")
    syllables = sum(symbol[-1].isdigit() for symbol in symbols if symbol in _MANDARIN)
    characters = len(CHINESE.findall(word))
    if syllables and characters == len(word) and syllables != characters:
        raise TextError(f"'{word}' has {characters} characters, but its reading '{reading}' {syllables} syllables.")
    return "".join(map(token, symbols))


def _pinyin(reading: str) -> list[str]:
    syllables = [split_syllable(part) if part == part.lower() else [] for part in reading.split()]
    return [symbol for syllable in syllables for symbol in syllable] if all(syllables) else []


def _marked(reading: str) -> list[str]:
    """Pinyin with tone marks: háng zhǎng, or hángzhǎng."""
    syllables = [syllable for word in reading.split() for syllable in syllables_of(word) or ("",)]
    return [symbol for syllable in syllables for symbol in split_syllable(syllable)] if all(syllables) else []


def _symbols(reading: str) -> list[str]:
    parts = reading.upper().split()
    known = all(part in _MANDARIN for part in parts) or all(part in _ENGLISH for part in parts)
    return parts if known and any(part[-1].isdigit() for part in parts) else []


def _arpabet(reading: str) -> list[str]:
    parts = [f"EN_{part}" for part in reading.upper().split()]
    return parts if all(part in _ENGLISH for part in parts) else []


def _ipa(reading: str) -> list[str]:
    return [f"EN_{phone}" for phone in arpabet_of_ipa(reading)]


class Pronunciations:
    """Words and the hybrid text that stands for them; Latin words match whole and in any case."""

    def __init__(self, readings: Mapping[str, str]) -> None:
        """Check `readings` (word → reading).

        Raises:
            TextError: a word is empty, a word or reading is no text, or a reading cannot be understood.
        """
        for word, reading in readings.items():
            if not isinstance(word, str) or not isinstance(reading, str):
                raise TextError(f"The reading {reading!r} of {word!r} is no text. Give words and readings as text.")
        self._words = {_key(word): hybrid_reading(word, reading) for word, reading in readings.items()}

    @property
    def words(self) -> Mapping[str, str]:
        """Word → hybrid text."""
        return self._words


class PronunciationFile:
    """A dictionary in a `.toml` or `.jsonl` file that is read again whenever it has changed.

    TOML: a line a word, `"行长" = "hang2 zhang3"`. JSONL: an object of words and readings a line. A change that is not
    valid raises on every use until the file is corrected.
    """

    def __init__(self, path: str | Path) -> None:
        """Read the file.

        Raises:
            ConfigError: it cannot be read, or a line is not valid; the message gives the line.
        """
        self.path = Path(path)
        # before the file is read: what is written in between is seen at the next use
        self._stamp = self._now()
        self._words = read_file(self.path)

    @property
    def words(self) -> Mapping[str, str]:
        """Word → hybrid text, as the file says now."""
        stamp = self._now()
        if stamp != self._stamp:
            self._words = read_file(self.path)
            self._stamp = stamp
        return self._words

    def _now(self) -> tuple[int, int]:
        try:
            status = self.path.stat()
        except OSError:
            raise ConfigError(f"The dictionary {self.path} cannot be read. Give the path of a file.") from None
        # the size too, for two writes within one tick of the file system's clock
        return status.st_mtime_ns, status.st_size


def read_file(path: Path) -> dict[str, str]:
    """Words of a dictionary file and the hybrid text that stands for them.

    Raises:
        ConfigError: the file cannot be read, or a line is not valid; the message gives the line.
    """
    readers: dict[str, Callable[[Path, str], list[tuple[int, str, object]]]] = {".toml": _toml, ".jsonl": _jsonl}
    if path.suffix not in readers:
        raise ConfigError(f"The dictionary {path} is neither .toml nor .jsonl. Rename or convert it.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The dictionary {path} cannot be read as UTF-8 text: {error}.") from None
    words = {}
    for line, word, reading in readers[path.suffix](path, text):
        if not isinstance(reading, str):
            raise ConfigError(f"{path}, line {line}: the reading of '{word}' is no text. Put it in quotes.")
        try:
            words[_key(word)] = hybrid_reading(word, reading)
        except TextError as error:
            raise ConfigError(f"{path}, line {line}: {error}") from None
    return words


def _toml(path: Path, text: str) -> list[tuple[int, str, object]]:
    try:
        entries = parse_toml(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is no valid TOML: {error}.") from None
    lines: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if match := _TOML_KEY.match(line):
            lines.setdefault(next(group for group in match.groups() if group is not None), number)
    return [(lines.get(word, 1), word, reading) for word, reading in entries.items()]


def _jsonl(path: Path, text: str) -> list[tuple[int, str, object]]:
    found: list[tuple[int, str, object]] = []
    for number, line in enumerate(text.split("\n"), 1):  # not splitlines: JSON may hold U+2028
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{path}, line {number}: no valid JSON: {error}.") from None
        if not isinstance(entry, dict):
            raise ConfigError(f"{path}, line {number}: not an object of words and readings.")
        found += [(number, word, reading) for word, reading in entry.items()]
    return found


def _key(word: str) -> str:
    """A word as it looks after normalisation (4S店 is 四S店 there), in small letters, since any case matches."""
    key = normalise(word).lower()
    if not any(map(str.isalnum, key)):
        raise TextError(f"The word '{word}' holds nothing that is spoken. Give a word in Mandarin or English.")
    return key
