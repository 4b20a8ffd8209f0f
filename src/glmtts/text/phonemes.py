"""The phoneme symbols of the hybrid input: 204 for Mandarin (report section 2.6), ARPAbet for English."""

import re

INITIALS = ["B", "C", "CH", "D", "F", "G", "H", "J", "K", "L", "M", "N", "P", "Q", "R", "S", "SH", "T", "X", "Z", "ZH"]
ARPABET_VOWELS = ["AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"]
ARPABET_CONSONANTS = [
    "B",
    "CH",
    "D",
    "DH",
    "F",
    "G",
    "HH",
    "JH",
    "K",
    "L",
    "M",
    "N",
    "NG",
    "P",
    "R",
    "S",
    "SH",
    "T",
    "TH",
    "V",
    "W",
    "Y",
    "Z",
    "ZH",
]

_FINALS = [
    "A",
    "AI",
    "AN",
    "ANG",
    "AO",
    "E",
    "EI",
    "EN",
    "ENG",
    "I",
    "IA",
    "IAN",
    "IANG",
    "IAO",
    "IE",
    "II",
    "III",
    "IN",
    "ING",
    "IONG",
    "IOU",
    "O",
    "ONG",
    "OU",
    "U",
    "UA",
    "UAI",
    "UAN",
    "UANG",
    "UEI",
    "UEN",
    "UENG",
    "UO",
    "V",
    "VAN",
    "VE",
    "VN",
]
_FULL_SPELLING = {"iu": "iou", "ui": "uei", "un": "uen", "ue": "ve"}
_INITIAL = re.compile(r"zh|ch|sh|[bpmfdtnlgkhjqxzcsr]")

_NEVER_SPOKEN = {"IONG5", "UAN5", "UENG2", "UENG5", "VAN5", "VE5"}

ENGLISH = [f"EN_{vowel}{stress}" for vowel in ARPABET_VOWELS for stress in "012"] + [
    f"EN_{consonant}" for consonant in ARPABET_CONSONANTS
]
# 21 initials, 37 finals in 5 tones less 6, ER2 to ER4 and IO1: 204
MANDARIN = [
    *INITIALS,
    *(name for final in _FINALS for tone in range(1, 6) if (name := f"{final}{tone}") not in _NEVER_SPOKEN),
    *(f"ER{tone}" for tone in range(2, 5)),
    "IO1",
]
_KNOWN = frozenset(MANDARIN)


SYMBOL = re.compile(r"<\|([A-Z][A-Z0-9_]*)\|>")


def token(symbol: str) -> str:
    """How a phoneme symbol is written in hybrid text."""
    return f"<|{symbol}|>"


def split_syllable(pinyin: str) -> list[str]:
    """Symbols of a pinyin syllable with tone digit, such as `hang2` → H, ANG2; empty where it is no syllable.

    Finals are spelled in full (ui is UEI, iu IOU, un UEN, ü V), and `i` is II after z c s, III after zh ch sh r.
    """
    match = re.fullmatch(r"([a-zêü:]+)([1-5])", pinyin.lower())
    if not match:
        return []
    letters, tone = match[1].replace("u:", "v").replace("ü", "v"), match[2]
    if letters == "r":
        letters = "er"
    initial, final = _cut(letters)
    symbols = [initial.upper()] if initial else []
    symbols.append(f"{final.upper()}{tone}")
    # the inventory of the report has no neutral ER
    if symbols[-1] == "ER5":
        symbols[-1] = "ER2"
    return symbols if all(symbol in _KNOWN for symbol in symbols) else []


def to_pinyin(symbols: list[str]) -> str:
    """Pinyin of the symbols of one syllable, such as J, IOU3 → jiu3; `split_syllable` backwards."""
    final, tone = symbols[-1][:-1].lower(), symbols[-1][-1]
    initial = symbols[0].lower() if len(symbols) > 1 else ""
    if not initial:
        return _alone(final) + tone
    short = {"ii": "i", "iii": "i", "iou": "iu", "uei": "ui", "uen": "un"}.get(final, final)
    if initial in ("j", "q", "x") and short.startswith("v"):
        short = "u" + short[1:]
    return initial + short + tone


def _alone(final: str) -> str:
    """A syllable without an initial: i is written yi, ia ya, u wu, ua wa, v yu, van yuan."""
    if final.startswith("v"):
        return "yu" + final[1:]
    if final in ("i", "in", "ing"):
        return "y" + final
    if final == "u":
        return "wu"
    return {"i": "y", "u": "w"}[final[0]] + final[1:] if final[0] in "iu" else final


def _cut(letters: str) -> tuple[str, str]:
    if letters.startswith("y"):
        return "", _after_y(letters[1:])
    if letters.startswith("w"):
        return "", "u" if letters == "wu" else "u" + letters[1:]
    match = _INITIAL.match(letters)
    if not match:
        return "", letters
    initial, final = match[0], letters[match.end() :]
    if final == "i" and initial in ("z", "c", "s"):
        final = "ii"
    elif final == "i" and initial in ("zh", "ch", "sh", "r"):
        final = "iii"
    elif initial in ("j", "q", "x") and final.startswith("u"):
        final = "v" + final[1:]
    else:
        final = _FULL_SPELLING.get(final, final)
    return initial, final


def _after_y(rest: str) -> str:
    """Final of a syllable that is written with y: yi → I, yu → V, yan → IAN, yong → IONG, you → IOU."""
    if rest.startswith("u"):
        return "v" + rest[1:]
    if rest.startswith("i"):
        return rest
    return "i" + rest
