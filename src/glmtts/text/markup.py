"""Control inside a text: `{行|hang2}`, and `<phoneme>`, `<break>`, `<say-as>` and `<sub>` of SSML.

Each control becomes one private character, which no rule of normalisation and no splitter touches, and which the
front end puts back as phonemes or a pause at the end. Braces that hold no valid reading are ordinary text.
"""

import html
import re
from dataclasses import dataclass
from typing import NamedTuple

from glmtts.errors import TextError
from glmtts.text.english import spell
from glmtts.text.mandarin import CHINESE
from glmtts.text.phonemes import token
from glmtts.text.placeholders import PLACEHOLDERS
from glmtts.text.pronunciations import hybrid_reading
from glmtts.text.say_as import say_as

LONGEST_PAUSE = 10.0  # seconds; a choice
STRENGTHS = {"none": 0.0, "x-weak": 0.1, "weak": 0.25, "medium": 0.5, "strong": 0.75, "x-strong": 1.0}
ALPHABETS = ("ipa", "arpabet", "x-arpabet", "x-cmu", "pinyin", "x-pinyin", "symbols", "x-symbols")
_PRIVATE = re.compile("[\U000f0000-\U0010ffff\ue000-\uf8ff]")
_MOST = ord(PLACEHOLDERS[1]) - ord(PLACEHOLDERS[0])
CONTROL = re.compile(
    r"\{(?P<word>[^{}|]{0,200})\|(?P<reading>[^{}|]{0,400})\}"
    r"|<phoneme\b(?P<phoneme>[^<>]*)(?:/>|>(?P<spoken>[^<>]*)</phoneme\s*>)"
    r"|<break\b(?P<pause>[^<>]*)>"
    r"|<say-as\b(?P<kind>[^<>]*)>(?P<content>[^<>]*)</say-as\s*>"
    r"|<sub\b(?P<alias>[^<>]*)>[^<>]*</sub\s*>"
)
_ATTRIBUTE = re.compile(r"""([A-Za-z][\w:-]*)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_TIME = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(ms|s)")
# A reading has a tone, a stress or the slashes of IPA: {a|b} is text, although B is a phone.
_PHONETIC = re.compile(
    r"\s*(?:/[^/]+/|[A-Za-zü:]+[0-9](?:\s+[A-Za-zü:]+[0-9]?)*|(?:[A-Z]{1,2}\s+)+[A-Z]{1,2}[0-9](?:\s+[A-Z]{1,2}[0-9]?)*)\s*"
)
# Symbols of Mandarin have up to four letters (H ANG2, X IONG2), as ordinary words do: what is no reading stays text.
_SYMBOLS = re.compile(r"\s*[A-Z]{1,4}[0-9]?(?:\s+[A-Z]{1,4}[0-9]?)*\s*")
_DIGIT = re.compile("[0-9]")
_LATIN = re.compile(r"[^\u2e80-\uffff|{}]*[A-Za-z\u00c0-\u024f][^\u2e80-\uffff|{}]*|\s*")
_IPA = re.compile(r"(?=.*[ˈˌəɪʊæɛɔʌθðʃʒŋɹɜɑɒɡ]).+", re.DOTALL)  # signs that no spelling has: a reading without slashes
_TONES = re.compile("[āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜ]", re.IGNORECASE)


@dataclass(frozen=True)
class Control:
    """Phonemes in hybrid text and the written form that stands in where a vocabulary lacks them, or a pause in s."""

    phonemes: str = ""
    written: str = ""
    pause: float | None = None


class Marked(NamedTuple):
    """A text with a private character for each control, what each of these stands for, and what was not understood."""

    text: str
    controls: dict[str, Control]
    warnings: list[str]


def parse(text: str, language: str) -> Marked:
    """Take the controls out of `text`.

    Raises:
        TextError: a tag of SSML holds a reading, a time or an alphabet that is not known.
    """
    controls: dict[str, Control] = {}
    warnings: list[str] = []

    def replace(match: re.Match[str]) -> str:
        made = parse_control(match, language)
        if made is None:
            return _text_of(match, warnings)
        if isinstance(made, str):
            return made
        # no private character is left to hold its place
        if len(controls) > _MOST:
            return made.written
        name = chr(ord(PLACEHOLDERS[0]) + len(controls))
        controls[name] = made
        return name

    # private characters of the text itself go first, else they would stand for controls
    marked = CONTROL.sub(replace, _PRIVATE.sub("", text)) if "{" in text or "<" in text else _PRIVATE.sub("", text)
    return Marked(marked, controls, warnings)


def parse_control(match: re.Match[str], language: str) -> Control | str | None:
    """What one match of `CONTROL` stands for; plain text where words do; None where braces are ordinary text.

    Raises:
        TextError: a reading, time or alphabet of SSML is not known.
    """
    kind = match.lastgroup
    if kind == "reading":
        return _braced(match["word"], match["reading"])
    if kind in ("phoneme", "spoken"):
        return _phoneme(_attributes(match["phoneme"]), match["spoken"] or "")
    if kind == "pause":
        return Control(pause=_pause(_attributes(match["pause"])))
    if kind == "content":
        return _say_as(_attributes(match["kind"]), match["content"], language)
    alias = _attributes(match["alias"]).get("alias")
    return None if alias is None else alias


def _braced(word: str, reading: str) -> Control | None:
    if not _is_reading(word, reading) or not any(map(str.isalnum, word)):
        return None
    try:
        return Control(hybrid_reading(word, reading), word)
    except TextError:
        return None


def _is_reading(word: str, reading: str) -> bool:
    """Whether `reading` has a tone, a stress, or signs of IPA; of a Latin word, in capitals or in a form of its own."""
    if _PHONETIC.fullmatch(reading) or _IPA.fullmatch(reading):
        return True
    if CHINESE.search(word):
        return bool(_TONES.search(reading) or _DIGIT.search(reading))
    return bool(_SYMBOLS.fullmatch(reading) and _DIGIT.search(reading))


def _text_of(match: re.Match[str], warnings: list[str]) -> str:
    """Braces as text: their word alone, with a warning, where they were meant as control; else all that they hold."""
    if match.lastgroup != "reading":
        return match[0].partition(">")[2].rpartition("<")[0]  # <sub> of HTML
    word, reading = match["word"], match["reading"]
    # of a Chinese word whatever is written in Latin letters
    meant = _PHONETIC.fullmatch(reading) or (CHINESE.search(word) and _LATIN.fullmatch(reading))
    if not meant or not any(map(str.isalnum, word)):
        return match[0]
    try:
        hybrid_reading(word, reading)
    except TextError as error:
        warnings.append(f"{match[0]} is read as text. {error}")
    else:  # a consonant alone, as of {甲|B}
        warnings.append(f"{match[0]} is read as text. Its reading has no tone and no stress. Write one, as in hang2.")
    return word


def _attributes(written: str) -> dict[str, str]:
    return {name: html.unescape(double or single) for name, double, single in _ATTRIBUTE.findall(written)}


def _phoneme(attributes: dict[str, str], spoken: str) -> Control:
    alphabet = attributes.get("alphabet", "ipa").lower()
    if alphabet not in ALPHABETS:
        raise TextError(f"The alphabet '{alphabet}' of <phoneme> is not known. Use one of: {', '.join(ALPHABETS)}.")
    reading = attributes.get("ph", "")
    return Control(hybrid_reading(spoken, f"/{reading}/" if alphabet == "ipa" else reading), spoken)


def _pause(attributes: dict[str, str]) -> float:
    written = attributes.get("time")
    if written is None:
        strength = attributes.get("strength", "medium")
        if strength not in STRENGTHS:
            raise TextError(f"The strength '{strength}' of <break> is not known. Use one of: {', '.join(STRENGTHS)}.")
        return STRENGTHS[strength]
    match = _TIME.fullmatch(written.strip())
    seconds = float(match[1]) / (1000 if match[2] == "ms" else 1) if match else -1.0
    if not 0 <= seconds <= LONGEST_PAUSE:
        raise TextError(
            f"The time '{written}' of <break> is not known. Write 500ms or 1.5s, at most {LONGEST_PAUSE:g}s."
        )
    return seconds


def _say_as(attributes: dict[str, str], content: str, language: str) -> Control | str:
    kind = attributes.get("interpret-as", "").lower()
    spoken = say_as(html.unescape(content), kind, attributes.get("format", "").lower(), language)
    if kind in ("characters", "spell-out", "verbatim") and re.search(r"[A-Za-z]", spoken):
        return Control(" ".join(map(_letter, spoken.split())), " ".join(map(_capital, spoken.split())))
    return spoken


def _letter(part: str) -> str:
    """A letter by its name; the words of digits and signs as they are."""
    if len(part) == 1 and part.isascii() and part.isalpha():
        return "".join(token(f"EN_{phone}") for phone in spell(part.lower()))
    return part


def _capital(part: str) -> str:
    return part.upper() if len(part) == 1 else part
