"""Words that capitals mark: acronyms by letters or as words (AI, NASA, US), names of mixed case (ChatGPT, macOS).

Where a word and an acronym are spelled alike, the case tells (us, US), unless the words around are in capitals, too.
"""

import re
from functools import lru_cache

from glmtts.text.data import read_lines
from glmtts.text.english import WORD, dictionary, pronounce, spell, with_clitic

_HUMPS = re.compile(r"[A-Z]+(?=[A-Z][a-z]|$)|[A-Z]?[a-z]+|[A-Z]+")
_RUN = re.compile(r"[A-Z]+(?:['’][A-Z]+)*(?:[ ,]+[A-Z]+(?:['’][A-Z]+)*)*")
_SUFFIX = re.compile(r"^([A-Z]{2,})(['’]?s|['’](?:d|ve|ll|re))$")
_CHINESE_BESIDE = re.compile(r"[㐀-鿿]")
_CLAUSE_END = ".!?;:。！？；：\n"
# Before a hyphen these are no words of their own: re-elect is not the note of a scale.
_PREFIXES = {"re": ("R", "IY1"), "inter": ("IH1", "N", "T", "ER0")}
_KINDS = ("letters", "word", "case")
# Among capitals, too, these have an article or a noun of theirs: THE US, IT SUPPORT.
_NOUNS = {
    "US": re.compile(
        r"THE US\b|.{0,4}\bUS (?:ARMY|NAVY|MARINES|EMBASSY|DOLLAR|GOVERNMENT|TROOPS|PRESIDENT|CITIZEN|SENAT|OPEN|"
        r"ECONOMY|FORCES|TREASURY|HOUSE|SUPREME|MILITARY|AIR|STOCK|ELECTION|BORDER|VISA|POST)"
    ),
    "IT": re.compile(r".{0,4}\bIT (?:DEPARTMENT|SUPPORT|TEAM|STAFF|SERVICES|SECURITY|MANAGER)\b"),
}
_VOWELS = frozenset("AEIOUY")


@lru_cache(maxsize=1)
def acronyms() -> dict[str, str]:
    """How an acronym is read: by its "letters", as a "word", or by "case": letters where words around are small.

    Those that are words of no dictionary have their phones.
    """
    return dict(line.split("\t") for line in read_lines("acronyms.tsv"))


@lru_cache(maxsize=1)
def sounded() -> dict[str, tuple[str, ...]]:
    """The phones of acronyms that are said as words of no dictionary (UEFA), in small letters."""
    return {word.lower(): tuple(said.split()) for word, said in acronyms().items() if said not in _KINDS}


@lru_cache(maxsize=1)
def names() -> dict[str, tuple[str, ...]]:
    """Names whose reading neither the dictionary nor their spelling gives, in small letters."""
    lines = (line.partition("\t") for line in read_lines("names.tsv"))
    return {word: tuple(phones.split()) for word, _, phones in lines}


def read_capitals(text: str, start: int, end: int) -> tuple[str, ...]:
    """Phones of the acronym or name at text[start:end]; empty where capitals say nothing of its reading."""
    word = text[start:end]
    if listed := _listed(word.lower()):
        return listed
    if word == "Wi" and text[end : end + 3].lower() == "-fi":
        return ("W", "AY1")
    if word.lower() in _PREFIXES and re.match("-[A-Za-z]", text[end:]):
        return _PREFIXES[word.lower()]
    if match := _SUFFIX.match(word):
        stem = read_capitals(text, start, start + match.end(1)) or pronounce(match[1])
        return with_clitic(stem, match[2])
    if word.isupper() and len(word) > 1:
        return spell(word.lower()) if _is_spelled(text, start, end) else ()
    if word[1:].islower() or word.islower() or not word.isalpha() or word.lower() in dictionary():
        return ()
    return _humps(word)


def _listed(word: str) -> tuple[str, ...]:
    """Phones of a listed name in small letters, or of its form in -s or 's (emojis, GitHub's); empty for others."""
    if phones := names().get(word) or sounded().get(word):
        return phones
    clitic = re.fullmatch("(.{3,}?)['’]?s", word)
    stem = names().get(clitic[1]) or sounded().get(clitic[1]) if clitic else None
    return with_clitic(stem, "'s") if stem else ()


def _is_spelled(text: str, start: int, end: int) -> bool:
    """Whether a word in capitals is read by its letters."""
    word = text[start:end]
    kind = acronyms().get(word)
    if kind in ("word", "letters"):
        return kind == "letters"
    if kind == "case":
        if word in _NOUNS and _NOUNS[word].match(text[max(0, start - 4) : end + 14]):
            return True
        # I AM is no time of day
        return not _among_capitals(text, start, end) and not (word == "AM" and text[:start].rstrip().endswith("I"))
    # AT&T, whose sign is a word by now
    if word == "AT" and re.match(r" and T\b|&T\b", text[end:]):
        return True
    # a title before a name, and letters elsewhere: MR SMITH, 发个MR
    if word in ("MR", "DR"):
        return not re.match(r"\.?\s+[A-Z]|\.\w", text[end:])
    # without a vowel it cannot be said as a word; a few that the dictionary has are letters nevertheless
    if len(word) <= 5 and not _VOWELS & set(word):
        return word.lower() not in dictionary() or word.lower() in ("ct", "ms", "pm", "vs", "tv", "pc", "cd", "dvd")
    beside = text[max(0, start - 1) : start] + text[end : end + 1]
    return word == "APP" and _CHINESE_BESIDE.search(beside) is not None


def _among_capitals(text: str, start: int, end: int) -> bool:
    """Whether plain words in capitals stand beside, as in a headline: IT WAS A DARK NIGHT."""
    begin = max((text.rfind(mark, 0, start) for mark in _CLAUSE_END), default=-1) + 1
    run = next(match for match in _RUN.finditer(text, begin) if match.start() <= start < match.end())
    others = [match[0] for match in WORD.finditer(run[0]) if run.start() + match.start() != start]
    return any(len(word) > 1 and _is_plain(word) for word in others)


def _is_plain(word: str) -> bool:
    """Whether a word in capitals is no acronym: the dictionary has it, and not by its letters."""
    phones = dictionary().get(word.lower())
    if not phones or word in acronyms():
        return False
    # read by its letters it has a stress for each of them
    return sum(phone[-1] in "12" for phone in phones) < len(word)


def _humps(word: str) -> tuple[str, ...]:
    """Phones of the parts of a name: Chat|GPT, mac|OS, Deep|Seek, Mc|Arthur; capitals together are letters."""
    if word.startswith("Mc") and word[2:].isalpha():
        return ("M", "AH0", "K", *pronounce(word[2:]))
    parts = _HUMPS.findall(word)
    phones: tuple[str, ...] = ()
    for number, part in enumerate(parts):
        alone = len(part) == 1 or (number == 0 and part in ("i", "e", "x"))
        known = names().get(part.lower()) or sounded().get(part.lower())
        as_word = acronyms().get(part) == "word" or not part.isupper()
        phones += known or (pronounce(part) if as_word and not alone else spell(part.lower()))
    return phones
