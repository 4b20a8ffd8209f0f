"""English words to ARPAbet: the CMU dictionary, then suffixes, compounds and spelling rules."""

import lzma
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from glmtts.text.accents import ACCENTED, with_final_e, without_accents
from glmtts.text.data import data_file

_LATIN = "A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ"
WORD = re.compile(rf"[{_LATIN}]+(?:['’][{_LATIN}]+)*")
# A y before a vowel's place is a consonant: yyds and ytd have none.
_VOWEL = re.compile("[aeiou]|(?<=[b-df-hj-np-tv-xz])y")
_SOUND = re.compile("[hms]+|b?r+|pf+t|ts?k+|z+|ps+t")  # hmm, brr, pfft, tsk: said, not spelled
_DRAWN = re.compile(r"([a-z])\1{2,}")
_HELD = {"a": "AA1", "e": "IY1", "o": "OW1", "u": "UW1"}
_CLITIC = re.compile(r"(.+)('ve|'d|'ll|'re|n't)")
_CLITICS = {"'ve": ("AH0", "V"), "'ll": ("AH0", "L"), "'re": ("ER0",), "n't": ("AH0", "N", "T")}
_VOICELESS, _SIBILANT = {"P", "T", "K", "F", "TH"}, {"S", "Z", "SH", "ZH", "CH", "JH"}
_VOICED_SIBILANT = {"Z", "ZH", "JH"}

_SPELLING: list[tuple[str, str]] = [
    ("tion", "SH AH0 N"), ("sion", "ZH AH0 N"), ("ture", "CH ER0"), ("ough", "AO1"), ("augh", "AO1"),
    ("eigh", "EY1"), ("igh", "AY1"), ("tch", "CH"), ("dge", "JH"), ("sch", "S K"), ("eau", "OW1"),
    ("oor", "AO1 R"), ("ear", "IH1 R"), ("air", "EH1 R"), ("ch", "CH"), ("sh", "SH"), ("th", "TH"),
    ("ph", "F"), ("wh", "W"), ("gh", "G"), ("ck", "K"), ("ng", "NG"), ("qu", "K W"), ("kn", "N"),
    ("wr", "R"), ("ee", "IY1"), ("ea", "IY1"), ("oo", "UW1"), ("ou", "AW1"), ("ow", "OW1"), ("oi", "OY1"),
    ("oy", "OY1"), ("ai", "EY1"), ("ay", "EY1"), ("au", "AO1"), ("aw", "AO1"), ("ei", "IY1"), ("ey", "IY0"),
    ("ie", "IY1"), ("oa", "OW1"), ("ue", "UW1"), ("ui", "UW1"), ("ar", "AA1 R"), ("er", "ER0"),
    ("ir", "ER1"), ("or", "AO1 R"), ("ur", "ER1"), ("ss", "S"), ("ll", "L"), ("tt", "T"), ("nn", "N"),
    ("mm", "M"), ("pp", "P"), ("rr", "R"), ("ff", "F"), ("bb", "B"), ("dd", "D"), ("gg", "G"), ("zz", "Z"),
    ("cc", "K"), ("ce", "S"), ("ci", "S IH1"), ("cy", "S IY0"), ("ge", "JH"), ("a", "AE1"), ("b", "B"),
    ("c", "K"), ("d", "D"), ("e", "EH1"), ("f", "F"), ("g", "G"), ("h", "HH"), ("i", "IH1"), ("j", "JH"),
    ("k", "K"), ("l", "L"), ("m", "M"), ("n", "N"), ("o", "AA1"), ("p", "P"), ("q", "K"), ("r", "R"),
    ("s", "S"), ("t", "T"), ("u", "AH1"), ("v", "V"), ("w", "W"), ("x", "K S"), ("y", "IY0"), ("z", "Z"),
]  # fmt: skip
_SPELLING_OF = dict(_SPELLING)


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
    known = dictionary().get(plain)
    if known:
        return tuple(known)
    if clitic := _CLITIC.fullmatch(plain):
        return with_clitic(pronounce(word[: clitic.end(1)]), clitic[2])
    if word.isupper() and len(word) <= 5:
        return spell(plain)
    if len(plain) > 1 and not _VOWEL.search(plain) and not _SOUND.fullmatch(plain):
        return spell(plain)
    return _inflected(plain) or _drawn_out(plain) or _compound(plain) or _by_spelling(plain)


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


def _inflected(word: str) -> tuple[str, ...]:
    for suffix in ("'s", "es", "s", "ed", "ing"):
        if word.endswith(suffix) and len(word) > len(suffix) + 2:
            stem = word[: -len(suffix)]
            # baked, baking: the stem had an e that the suffix took
            base = dictionary().get(stem) or dictionary().get(stem + "e")
            if base:
                return (*base, *ending(suffix, base[-1]))
    return ()


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


def ending(suffix: str, last: str) -> list[str]:
    """Phones of -ed, -ing and -s after the phone `last`."""
    if suffix == "ing":
        return ["IH0", "NG"]
    if suffix == "ed":
        if last in ("T", "D"):
            return ["IH0", "D"]
        return ["T"] if last in _VOICELESS or last in _SIBILANT - _VOICED_SIBILANT else ["D"]
    return sound_of_s(last)


def sound_of_s(last: str) -> list[str]:
    """Phones of a plural or possessive s after the phone `last`."""
    if last in _SIBILANT:
        return ["IH0", "Z"]
    return ["S"] if last in _VOICELESS else ["Z"]


def _compound(word: str) -> tuple[str, ...]:
    words = dictionary()
    # both parts have three letters at least, and the longest first part is taken
    for cut in range(len(word) - 3, 2, -1):
        if word[:cut] in words and word[cut:] in words:
            return (*words[word[:cut]], *words[word[cut:]])
    return ()


def _by_spelling(word: str) -> tuple[str, ...]:
    """Longest spelling rule first; a final silent e is dropped and only the first full vowel is stressed."""
    letters = re.sub(r"[^a-z]", "", word)
    if len(letters) > 3 and letters.endswith("e") and letters[-2] not in "aeiou":
        letters = letters[:-1]
    phones: list[str] = []
    while letters:
        piece = next(letters[:size] for size in (4, 3, 2, 1) if letters[:size] in _SPELLING_OF)
        phones += _SPELLING_OF[piece].split()
        letters = letters[len(piece) :]
    stressed = next((i for i, phone in enumerate(phones) if phone.endswith("1")), None)
    return tuple(phone[:-1] + "0" if phone.endswith("1") and i != stressed else phone for i, phone in enumerate(phones))
