"""Words by the words in them: inflected (clickable), with a prefix (retweet), compounds (timestamp)."""

import re
from collections.abc import Callable, Iterator, Sequence

Phones = tuple[str, ...]
# The phones of a word that a dictionary knows, else none.
Lookup = Callable[[str], Sequence[str] | None]

_VOICELESS, _SIBILANT = {"P", "T", "K", "F", "TH"}, {"S", "Z", "SH", "ZH", "CH", "JH"}
_VOICED_SIBILANT = {"Z", "ZH", "JH"}
# Suffixes before which an e falls, a consonant is doubled and y becomes i: vaping, vaxxed, spikier.
_VOWEL_SUFFIXES = {
    "ability": "AH0 B IH1 L AH0 T IY0", "ables": "AH0 B AH0 L Z", "able": "AH0 B AH0 L", "ably": "AH0 B L IY0",
    "ings": "IH0 NG Z", "ing": "IH0 NG", "ish": "IH0 SH", "ers": "ER0 Z", "er": "ER0", "est": "AH0 S T", "y": "IY0",
}  # fmt: skip
_CONSONANT_SUFFIXES = {
    "ness": "N AH0 S", "lessness": "L AH0 S N AH0 S", "fulness": "F AH0 L N AH0 S", "less": "L AH0 S",
    "ful": "F AH0 L", "fully": "F AH0 L IY0", "ment": "M AH0 N T", "ments": "M AH0 N T S", "ly": "L IY0",
}  # fmt: skip
_SUFFIXES = sorted(["ed", *_VOWEL_SUFFIXES, *_CONSONANT_SUFFIXES], key=len, reverse=True)
# Ends of words that are rather suffixes than words: simping, yeeted, nappies.
_LIKE_A_SUFFIX = re.compile("[a-z]ing|[ac-z]ed|[b-df-hj-np-tvz]ies")
_SHORT = re.compile("[^aeiou]*[aeiou][^aeiouwxy]")
_TWICE = re.compile(r"([b-df-hj-np-tv-z])\1$")
# The word keeps its stress behind these (retweet, unfair) …
_WEAK = {
    "re": "R IY0", "un": "AH0 N", "dis": "D IH0 S", "mis": "M IH0 S", "non": "N AA0 N", "pre": "P R IY0",
    "co": "K OW0", "anti": "AE2 N T IY0", "multi": "M AH2 L T IY0", "semi": "S EH2 M IY0", "inter": "IH2 N T ER0",
    "sub": "S AH0 B", "ultra": "AH2 L T R AH0", "pseudo": "S UW2 D OW0", "bio": "B AY2 OW0",
}  # fmt: skip
# … and gives it to these, as in a compound (upcycle, superstar).
_STRONG = {
    "up": "AH1 P", "over": "OW1 V ER0", "under": "AH1 N D ER0", "out": "AW1 T", "auto": "AO1 T OW0",
    "mini": "M IH1 N IY0", "micro": "M AY1 K R OW0", "macro": "M AE1 K R OW0", "super": "S UW1 P ER0",
    "post": "P OW1 S T", "cyber": "S AY1 B ER0", "hyper": "HH AY1 P ER0", "mega": "M EH1 G AH0", "tele": "T EH1 L AH0",
    "photo": "F OW1 T OW0", "mid": "M IH1 D", "video": "V IH1 D IY0 OW0", "self": "S EH1 L F",
    "meta": "M EH1 T AH0",
}  # fmt: skip
_PREFIXES = _WEAK | _STRONG
# How much a word must be in use behind these, with which names begin, too (Renault, Cohen).
_USE = {"re": 1, "co": 3}
_ELECTRONIC = re.compile("e(?=books?$|readers?$|commerce$|learning$|bikes?$|scooters?$|tickets?$|sports$|waste$)")
# Endings by which the dictionary shows that a word is in use: a name or a fragment has few of them.
_LEAST, _LONGEST, _ENOUGH = 3, max(map(len, _PREFIXES)), 3
_FORMS = ("s", "ed", "ing", "er", "ly", "y", "ness", "less", "able", "ers", "d", "r")


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


def inflected(word: str, known: Lookup) -> Phones:
    """Phones of a known word with a suffix (influencer, tastiest, emojis); empty for other words."""
    for stem, suffix in inflections(word):
        if base := tuple(known(stem) or ()):
            return with_suffix(base, stem, suffix)
    return ()


def with_suffix(base: Phones, stem: str, suffix: str) -> Phones:
    """The phones `base` of a stem and those of its suffix."""
    # bottler has two syllables
    if stem.endswith("le") and base[-2:] == ("AH0", "L") and suffix in ("er", "ers", "ing", "y"):
        base = (*base[:-2], "L")
    if suffix == "ly" and base[-1] == "L":
        base = base[:-1]
    if suffix == "ily":
        return (*base[:-1], "AH0", "L", "IY0")
    added = {**_VOWEL_SUFFIXES, **_CONSONANT_SUFFIXES}.get(suffix)
    return (*base, *(added.split() if added else ending(suffix, base[-1])))


def inflections(word: str) -> Iterator[tuple[str, str]]:
    """Stems and suffixes that a word in small letters may be made of, the likeliest first."""
    if word.endswith("s") and not word.endswith("ss"):
        yield from ((stem, "s") for stem in _singulars(word))
    if word.endswith("ily"):
        yield word[:-3] + "y", "ily"
    for suffix in _SUFFIXES:
        rest = word.removesuffix(suffix)
        if rest == word or len(rest) < _LEAST:
            continue
        if suffix in _CONSONANT_SUFFIXES:
            yield (rest[:-1] + "y" if rest.endswith("i") else rest), suffix
        else:
            yield from ((stem, suffix) for stem in _stems(rest, suffix))


def _singulars(word: str) -> Iterator[str]:
    if len(word) > _LEAST:
        yield word[:-1]
    if len(word) >= _LEAST + 2:
        if word.endswith("ies"):
            yield word[:-3] + "y"
        elif word.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
            yield word[:-2]


def _stems(rest: str, suffix: str) -> Iterator[str]:
    """What a suffix with a vowel took the e of (vap), doubled the end of (vaxx) or changed the y of (spiki)."""
    if rest.endswith("i") and suffix != "ing":
        yield rest[:-1] + "y"
    if suffix in ("y", "er", "ers") and rest[-1] in "aeio":
        return
    yield from (rest + "e", rest) if _SHORT.fullmatch(rest) else (rest, rest + "e")
    if _TWICE.search(rest):
        yield rest[:-1]


def prefixed(word: str, known: Lookup) -> Phones:
    """Phones of a known or inflected word with a prefix (retweet, unvaccinated, ebook); empty for other words."""
    if _ELECTRONIC.match(word):
        rest = known(word[1:]) or inflected(word[1:], known)
        return ("IY1", *rest) if rest else ()
    for size in range(min(_LONGEST, len(word) - _LEAST), 1, -1):
        prefix, stem = word[:size], word[size:]
        # the shorter the prefix, the more there must be of the word
        if prefix not in _PREFIXES or len(stem) < max(_LEAST, 6 - size) or _use(stem, known) < _USE.get(prefix, 0):
            continue
        base = tuple(known(stem) or inflected(stem, known) or prefixed(stem, known))
        if base:
            return (*_PREFIXES[prefix].split(), *(base if prefix in _WEAK else _second(base)))
    return ()


def _second(phones: Sequence[str]) -> Phones:
    """The second part of a compound, which has the lesser stress."""
    return tuple(phone.replace("1", "2") for phone in phones)


def compound(word: str, known: Lookup) -> Phones:
    """Phones of two known words in one (screenshare, timestamped); the cut with the words most in use is taken."""
    cuts = []
    for cut in range(len(word) - _LEAST, _LEAST - 1, -1):
        first = known(word[:cut])
        if not first or _LIKE_A_SUFFIX.fullmatch(word, cut):
            continue
        second = known(word[cut:]) or inflected(word[cut:], known)
        if second:
            cuts.append((_forms(word[:cut], known) + _use(word[cut:], known), cut, (*first, *_second(second))))
    # kombucha and masala are no compounds of the names that the dictionary has
    if not cuts or (word[-1] in "aio" and max(cuts)[0] < 2 * _ENOUGH):
        return ()
    return max(cuts)[2]


def _use(word: str, known: Lookup) -> int:
    """How much a word is in use: the forms of it, or of the word that it is a form of."""
    return max(_forms(stem, known) for stem in (word, *(stem for stem, _ in inflections(word) if known(stem))))


def _forms(word: str, known: Lookup) -> int:
    return min(_ENOUGH, sum(known(word + form) is not None for form in _FORMS))
