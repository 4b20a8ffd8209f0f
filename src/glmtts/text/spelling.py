"""English words by their letters, for those that no dictionary has."""

import re
from collections.abc import Iterator

_SPELLING: list[tuple[str, str]] = [
    ("tion", "SH AH0 N"), ("sion", "ZH AH0 N"), ("ture", "CH ER0"), ("ough", "AO1"), ("augh", "AO1"),
    ("eigh", "EY1"), ("igh", "AY1"), ("tch", "CH"), ("cch", "K"), ("dge", "JH"), ("sch", "S K"), ("eau", "OW1"),
    ("oor", "AO1 R"), ("ear", "IH1 R"), ("air", "EH1 R"), ("ch", "CH"), ("sh", "SH"), ("th", "TH"),
    ("ph", "F"), ("wh", "W"), ("gh", "G"), ("ck", "K"), ("ng", "NG"), ("qu", "K W"), ("kn", "N"),
    ("wr", "R"), ("ee", "IY1"), ("ea", "IY1"), ("oo", "UW1"), ("ou", "AW1"), ("ow", "OW1"), ("oi", "OY1"),
    ("oy", "OY1"), ("ai", "EY1"), ("ay", "EY1"), ("au", "AO1"), ("aw", "AO1"), ("ei", "IY1"), ("ey", "IY0"),
    ("ie", "IY1"), ("oa", "OW1"), ("ue", "UW1"), ("ui", "UW1"), ("ar", "AA1 R"), ("er", "ER0"),
    ("ir", "ER1"), ("or", "AO1 R"), ("ur", "ER1"), ("ss", "S"), ("ll", "L"), ("tt", "T"), ("nn", "N"),
    ("mm", "M"), ("pp", "P"), ("rr", "R"), ("ff", "F"), ("bb", "B"), ("dd", "D"), ("gg", "G"), ("zz", "Z"),
    ("cc", "K"), ("a", "AE1"), ("b", "B"),
    ("c", "K"), ("d", "D"), ("e", "EH1"), ("f", "F"), ("g", "G"), ("h", "HH"), ("i", "IH1"), ("j", "JH"),
    ("k", "K"), ("l", "L"), ("m", "M"), ("n", "N"), ("o", "AA1"), ("p", "P"), ("q", "K"), ("r", "R"),
    ("s", "S"), ("t", "T"), ("u", "AH1"), ("v", "V"), ("w", "W"), ("x", "K S"), ("y", "IY0"), ("z", "Z"),
]  # fmt: skip
_SPELLING_OF = dict(_SPELLING)
_LONG = {"a": "EY1", "e": "IY1", "i": "AY1", "o": "OW1", "u": "UW1", "y": "AY1"}
_PURE = {"a": "AA1", "e": "EH1", "i": "IY1", "o": "OW1", "u": "UW1"}
_AT_THE_END = {"a": "AH0", "i": "IY0", "o": "OW0", "u": "UW0"}
_SOFT = {"c": "S", "g": "JH"}
# Words with such an end are mostly Italian, Spanish or Japanese.
_ROMANCE = re.compile("[^aeiou]*[aeiou].*[aoi]")
_VOWELS = frozenset("aeiouy")
_LONG_VOWEL = re.compile("(?:^|[^aeiou])([aeiouy])([b-df-hj-np-tvz])e$")
# table, and centre, whose end is spoken as that of center
_SYLLABLE = re.compile("[b-df-hj-kmnp-qs-tvxz]le$|[bcghptv]re$")


def by_spelling(word: str) -> tuple[str, ...]:
    """Longest spelling rule first; the first full vowel is stressed, the last but one in words like gelato."""
    letters = re.sub(r"[^a-z]", "", word)
    romance = _ROMANCE.fullmatch(letters) is not None
    phones: list[str] = []
    for phone in (phone for piece in _pieces(letters, romance) for phone in piece):
        # a double letter is one sound
        if phone[-1].isdigit() or phones[-1:] != [phone]:
            phones.append(phone)
    full = [place for place, phone in enumerate(phones) if phone.endswith("1")]
    stressed = full[_stress(letters, len(full)) if romance else 0] if full else None
    return tuple(phone if place == stressed else phone.replace("1", "0") for place, phone in enumerate(phones))


def _stress(letters: str, count: int) -> int:
    """Which of the full vowels of gelato or mania has the stress; the last vowel is none of them."""
    return -2 if count > 1 and letters.endswith(("ia", "io")) else -1


def _pieces(letters: str, romance: bool) -> Iterator[list[str]]:
    """The phones of each piece of a word; a final e is silent, and makes the vowel before it long."""
    if letters[-1:] != "e" or letters[-2:-1] in _VOWELS or not _VOWELS & set(letters[:-2]):
        yield from _before(letters, len(letters), romance)
    elif _SYLLABLE.search(letters[-3:]):
        yield from _before(letters, len(letters) - 2, romance)
        yield ["AH0", "L"] if letters[-2] == "l" else ["ER0"]
    elif long_vowel := _LONG_VOWEL.search(letters[-4:]):
        yield from _before(letters, len(letters) - 3, romance)
        yield [_LONG[long_vowel[1]]]
        yield [_SOFT.get(long_vowel[2], _SPELLING_OF[long_vowel[2]])]
    else:
        yield from _before(letters, len(letters) - 1, romance)


def _before(letters: str, end: int, romance: bool) -> Iterator[list[str]]:
    place = 0
    while place < end:
        # a soft c sees the silent e behind the end
        piece, phones = _piece(letters[place:] if end == len(letters) - 1 else letters[place:end], place == 0, romance)
        yield phones.split()
        place += len(piece)


def _piece(rest: str, first: bool, romance: bool) -> tuple[str, str]:
    """The next letters and their phones."""
    letter, following = rest[0], rest[1:2]
    if not following and not first and letter in _AT_THE_END:
        return letter, _AT_THE_END[letter]
    if following and following in {"c": "eiy", "g": "e"}.get(letter, ""):
        return letter, _SOFT[letter]
    if letter == "y" and following and following in "aeiou":
        return letter, "Y"
    if romance and letter in _PURE and rest[:2] not in ("or", "er"):
        return letter, _PURE[letter]
    piece = next(rest[:size] for size in (4, 3, 2, 1) if rest[:size] in _SPELLING_OF)
    return piece, _SPELLING_OF[piece]
