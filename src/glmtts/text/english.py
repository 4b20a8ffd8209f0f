"""English words to ARPAbet: the CMU dictionary, then American spellings, parts that it has, and letters."""

import lzma
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from glmtts.text.accents import ACCENTED, with_final_e, without_accents
from glmtts.text.british import american
from glmtts.text.data import data_file
from glmtts.text.derived import compound, ending, inflected, prefixed, sound_of_s
from glmtts.text.spelling import by_spelling

_LATIN = "A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ"
WORD = re.compile(rf"[{_LATIN}]+(?:['’][{_LATIN}]+)*")
# A y before a vowel's place is a consonant: yyds and ytd have none.
_VOWEL = re.compile("[aeiou]|(?<=[b-df-hj-np-tv-xz])y")
_SOUND = re.compile("[hms]+|b?r+|pf+t|ts?k+|z+|ps+t")  # hmm, brr, pfft, tsk: said, not spelled
_DRAWN = re.compile(r"([a-z])\1{2,}")
_HELD = {"a": "AA1", "e": "IY1", "o": "OW1", "u": "UW1"}
_CLITIC = re.compile(r"(.+)('ve|'d|'ll|'re|'s|n't)")
# Stems that had an e before -ed and -ing.
_LOST_E = re.compile("^[^aeiou]*[aeiou][^aeiouwxy]$|[cgvz]$|[^aeioul]l$")
_LONGEST = 40
_CLITICS = {"'ve": ("AH0", "V"), "'ll": ("AH0", "L"), "'re": ("ER0",), "n't": ("AH0", "N", "T")}


class Pronouncing(Mapping[str, list[str]]):
    """Words and their phones, which are split when they are asked for: to split all takes as long as to load them."""

    def __init__(self, phones: dict[str, str]) -> None:
        self._phones = phones

    def __getitem__(self, word: str) -> list[str]:
        return self._phones[word].split()

    def __contains__(self, word: object) -> bool:
        return word in self._phones

    def __iter__(self) -> Iterator[str]:
        return iter(self._phones)

    def __len__(self) -> int:
        return len(self._phones)


@lru_cache(maxsize=1)
def dictionary() -> Mapping[str, list[str]]:
    """First pronunciation of every word of the CMU dictionary; others stand behind names that no text has, read(2)."""
    return Pronouncing(_entries())


@lru_cache(maxsize=1)
def alternatives() -> dict[str, list[list[str]]]:
    """All pronunciations of every word of the CMU dictionary."""
    words: dict[str, list[list[str]]] = {}
    for name, phones in _entries().items():
        words.setdefault(name.partition("(")[0], []).append(phones.split())
    return words


@lru_cache(maxsize=1)
def variants() -> dict[str, list[list[str]]]:
    """The words of the CMU dictionary that have several pronunciations, with all of these."""
    # past the cache: the whole dictionary need not stay in memory for the few words that have several
    return {word: phones for word, phones in alternatives.__wrapped__().items() if len(phones) > 1}


def _entries() -> dict[str, str]:
    lines = lzma.decompress(data_file("cmudict.xz").read_bytes()).decode().splitlines()
    return dict(line.split(" ", 1) for line in lines)


@lru_cache(maxsize=65536)
def pronounce(word: str) -> tuple[str, ...]:
    """ARPAbet phones of any word of Latin letters.

    Words in capitals or without a vowel that no dictionary knows are spelled out: NHS, www.
    """
    plain = word.lower().replace("’", "'")
    if plain in ACCENTED:
        return tuple(ACCENTED[plain].split())
    if not plain.isascii():
        return with_final_e(plain, _without_accents(without_accents(word)))
    return _without_accents(word)


def _without_accents(word: str) -> tuple[str, ...]:
    plain = word.lower().replace("’", "'")
    if known := dictionary().get(plain):
        return tuple(known)
    if clitic := _CLITIC.fullmatch(plain):
        return with_clitic(pronounce(word[: clitic.end(1)]), clitic[2])
    if word.isupper() and len(word) <= 5:
        return spell(plain)
    if len(plain) > 1 and not _VOWEL.search(plain) and not _SOUND.fullmatch(plain):
        return spell(plain)
    # what is longer is no word, and has too many parts to look for
    from_words = _from_known_words(plain) if len(plain) <= _LONGEST else ()
    return from_words or _guessed(plain, word[0].isupper())


def _from_known_words(word: str) -> tuple[str, ...]:
    return (
        inflected(word, dictionary().get)
        or tuple(_known(word) or ())
        or inflected(word, _known)
        or _drawn_out(word)
        or prefixed(word, _known)
        or compound(word, dictionary().get)
    )


def _known(word: str) -> Sequence[str] | None:
    """Phones of a word of the dictionary, in British spelling too."""
    words = dictionary()
    return words.get(word) or next(filter(None, map(words.get, american(word))), None)


def _guessed(word: str, is_name: bool) -> tuple[str, ...]:
    """Phones by the letters, with -s, -ed and -ing as they sound behind the stem: churros, rizzed, vaping."""
    suffix = next((suffix for suffix in ("ing", "ed", "s") if word.endswith(suffix)), "")
    stem = word.removesuffix(suffix)
    # Legolas and Mykonos are no plurals, nor is virus
    if not suffix or not _VOWEL.search(stem) or stem.endswith(("s", "u", "i", "'") + (("a", "o") if is_name else ())):
        return by_spelling(word)
    if suffix == "s":
        stem = stem.removesuffix("e") if re.search("(?:[sxz]|ch|sh)e$", stem) else stem
    elif _LOST_E.search(stem):
        stem += "e"
    phones = by_spelling(stem)
    return (*phones, *ending(suffix, phones[-1]))


def with_clitic(stem: tuple[str, ...], clitic: str) -> tuple[str, ...]:
    """A word with 's, 'd, 've, 'll, 're or n't behind it: I'd've, somebody'd, CEO'll."""
    if clitic.lstrip("'’") in ("s", "d"):
        return (*stem, *(ending("ed", stem[-1]) if clitic[-1] == "d" else sound_of_s(stem[-1])))
    return (*stem, *_CLITICS[clitic.replace("’", "'")])


def spell(word: str) -> tuple[str, ...]:
    """Phones of a word read letter by letter."""
    return tuple(phone for letter in word if letter.isalpha() for phone in _letter(letter))


def _letter(letter: str) -> list[str]:
    # the dictionary's "a" is the article
    return ["EY1"] if letter == "a" else dictionary().get(f"{letter}.", dictionary().get(letter, ["AH0"]))


def _drawn_out(word: str) -> tuple[str, ...]:
    """nooooo, goooood and pleeease with fewer letters, where that makes a word; a vowel alone is held."""
    if not _DRAWN.search(word):
        return ()
    if len(set(word)) == 1 and word[0] in _HELD:
        return (_HELD[word[0]],)
    return tuple(next(filter(None, (dictionary().get(short) for short in _shortened(word))), ()))


def _shortened(word: str) -> Iterator[str]:
    """With two letters for three and more inside a word (good) and for ee, with one at its end (no); then the other."""

    def letters(run: re.Match[str], inside: int, last: int) -> str:
        return run[1] * (inside if run.end() < len(word) or run[1] == "e" else last)

    yield _DRAWN.sub(lambda run: letters(run, 2, 1), word)
    yield _DRAWN.sub(lambda run: letters(run, 1, 2), word)
