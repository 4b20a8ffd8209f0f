"""Letters that the model cannot read: found, taken out and named, so that nothing is left out without a word."""

import re
import unicodedata

from glmtts.text.accents import without_accents
from glmtts.text.mandarin import CHINESE
from glmtts.text.normalisation.symbols import GREEK, LONGEST_QUANTITY
from glmtts.text.placeholders import is_placeholder

_SHOWN = 20
_NAMES = {
    "CYRILLIC": "Cyrillic", "HIRAGANA": "Japanese kana", "KATAKANA": "Japanese kana",
    "KATAKANA-HIRAGANA": "Japanese kana",
    "HANGUL": "Korean", "ARABIC": "Arabic", "HEBREW": "Hebrew", "GREEK": "Greek", "DEVANAGARI": "Devanagari",
    "THAI": "Thai", "BOPOMOFO": "Bopomofo", "CJK": "rare Chinese characters", "ETHIOPIC": "Ethiopic",
    "LATIN": "unusual Latin letters", "MODIFIER": "modifier letters", "YI": "Yi", "NKO": "N'Ko",
}  # fmt: skip
_RUN = re.compile(r"[^\x00-\x7f]+")
_QUANTITY = re.compile(rf"(?<![Ͱ-Ͽἀ-῿])[{''.join(GREEK)}{''.join(GREEK).upper()}]{{1,{LONGEST_QUANTITY}}}(?![Ͱ-Ͽἀ-῿])")


def take_unreadable(text: str) -> tuple[str, dict[str, str]]:
    """`text` without the letters that no language of the model has, and those letters by the name of their script."""
    if text.isascii():
        return text, {}
    unread: dict[str, list[str]] = {}

    def keep(match: re.Match[str]) -> str:
        kept = []
        quantities = {place for found in _QUANTITY.finditer(match[0]) for place in range(*found.span())}
        for place, character in enumerate(match[0]):
            script = None if place in quantities else _script(character)
            if script is not None:
                unread.setdefault(script, []).append(character)
            kept.append(character if script is None else " ")
        return "".join(kept)

    text = _RUN.sub(keep, text)
    return text, {script: "".join(letters) for script, letters in unread.items()}


def warning(unread: dict[str, str]) -> str:
    """One sentence that names every script in `unread` with its first letters."""
    named = ", ".join(
        f"{script} ({letters[:_SHOWN]}{'…' * (len(letters) > _SHOWN)})" for script, letters in unread.items()
    )
    return f"Not read, since the model speaks Mandarin and English only: {named}."


def _script(character: str) -> str | None:
    """Name of the script of a letter or numeral that cannot be read, None for all that can and for mere signs."""
    if not character.isalnum() or CHINESE.match(character) or is_placeholder(character):
        return None
    name = unicodedata.name(character, "UNKNOWN")
    word = name.split()[0]
    if word == "LATIN" and is_latin(character):
        return None
    return _NAMES.get(word, word.capitalize())


def is_latin(character: str) -> bool:
    """Whether a letter is one of A to Z once its accents are taken off, or has a usual spelling in them."""
    return without_accents(character).isascii()
