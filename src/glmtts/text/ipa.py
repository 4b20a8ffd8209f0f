"""English IPA to ARPAbet, for pronunciations that users and dictionaries write."""

import re

_VOWELS = {
    "aɪ": "AY", "aʊ": "AW", "eɪ": "EY", "oʊ": "OW", "əʊ": "OW", "ɔɪ": "OY", "i": "IY", "ɪ": "IH", "ɨ": "IH", "e": "EH",
    "ɛ": "EH", "æ": "AE", "a": "AE", "ɑ": "AA", "ɒ": "AA", "ɔ": "AO", "o": "OW", "ʊ": "UH", "u": "UW", "ʌ": "AH",
    "ɐ": "AH", "ə": "AH", "ɜ": "ER", "ɝ": "ER", "ɚ": "ER",
}  # fmt: skip
_CONSONANTS = {
    "tʃ": "CH", "ʧ": "CH", "dʒ": "JH", "ʤ": "JH", "p": "P", "b": "B", "t": "T", "ɾ": "T", "d": "D", "k": "K", "x": "K",
    "ɡ": "G", "g": "G", "f": "F", "v": "V", "θ": "TH", "ð": "DH", "s": "S", "z": "Z", "ʃ": "SH", "ʒ": "ZH", "h": "HH",
    "m": "M", "n": "N", "ŋ": "NG", "l": "L", "ɫ": "L", "r": "R", "ɹ": "R", "w": "W", "ʍ": "W", "j": "Y",
}  # fmt: skip
_STRESS = {"ˈ": "1", "'": "1", "ˌ": "2", ",": "2"}
_SILENT = "ː:.‿͡ʔˑ"
# the longest signs first: aɪ is one vowel, not a and ɪ
_ITEM = re.compile(
    "|".join(map(re.escape, sorted([*_VOWELS, *_CONSONANTS, *_STRESS, *_SILENT], key=len, reverse=True))) + r"|\s"
)


def arpabet_of_ipa(ipa: str) -> list[str]:
    """ARPAbet phones of American or British IPA, with or without slashes; empty where a sign is unknown.

    A stress mark falls on the next vowel; a word without one is stressed on its first vowel.
    """
    written = ipa.strip().strip("/[]")
    items = _ITEM.findall(written)
    if "".join(items) != written:
        return []
    phones: list[str] = []
    stress = "0"
    for item in items:
        if item in _STRESS:
            stress = _STRESS[item]
        elif item in _VOWELS:
            phones.append(_VOWELS[item] + stress)
            stress = "0"
        elif item in _CONSONANTS:
            phones.append(_CONSONANTS[item])
    return _stressed(phones)


def _stressed(phones: list[str]) -> list[str]:
    if any(phone.endswith("1") for phone in phones):
        return phones
    first = next((i for i, phone in enumerate(phones) if phone[-1].isdigit()), None)
    return [phone[:-1] + "1" if i == first else phone for i, phone in enumerate(phones)]
