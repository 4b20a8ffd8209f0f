"""The language of each clause by the letters nearest to it, so that a stray sign of the other changes nothing else."""

import re
from collections.abc import Iterator
from typing import Literal

from glmtts.text.mandarin import CHINESE

Language = Literal["zh", "en"]
# A clause ends at these; a comma, stop or colon between digits belongs to a number, one before a blank does not.
_CLAUSE = re.compile(r"(?:[^，。！？；：、,.;:!?\n]|(?<=\d)[,.:：](?=\d))*(?:[，。！？；：、\n]+|[,.;:!?]+|$)")
_LATIN_WORD = re.compile(r"[A-Za-zÀ-ɏ]+(?:['’-][A-Za-zÀ-ɏ]+)*")
# "5kg" is written alike in both languages, so a unit beside its number says nothing of the clause.
_UNIT = re.compile(r"(?<=[0-9°])\s?[A-Za-zμΩ/]{1,3}(?![A-Za-z])")
FUNCTION_WORDS = frozenset(
    re.findall(
        "[a-z]+",
        "the an of to in on at by for from with and or but not is are was were be been has have had do does did will "
        "would can could should may it its this that these those i you he she we they my your his her our their me "
        "him us them there here what when where who which how than then as if so no yes about into over under after "
        "before since until costs cost per each all more less only just also very ",
    )
)
_CHINESE_ONLY = frozenset("的了是在和我你他她它们这那有没不也都就说要会到去来给把被吗呢吧啊用买请从为与及或但很再又还")
# A Chinese word has about two characters: fewer characters than that many a word leave the clause English.
_CHARACTERS_A_WORD = 1.7
# Latin names stand alone in Mandarin ("Python 3.11"); so many words in a row are a clause of English.
_ENGLISH_CLAUSE = 3
LONGEST_RUN = 400
# Numbers that touch Chinese characters inside a clause of English: 50元.
CHINESE_ISLAND = re.compile(
    rf"(?:{CHINESE.pattern})*[¥￥]?\d[\d.,:/%-]*(?:{CHINESE.pattern})+(?:\d[\d.,]*(?:{CHINESE.pattern})+)*"
)
ENGLISH_ISLAND = re.compile(r"[A-Za-z][A-Za-z'’-]*(?:,? (?:[A-Za-z][A-Za-z'’-]*|[$£€]?\d[\d.,:%]*\b)){2,60}")


# The names and values of tags and declarations and the readings of inline control are no words of the text.
MARKUP = re.compile(r"<[/?!]?[A-Za-z][^<>]*>|<!\[CDATA\[|\|[^{}|]*\}")


def opens_sentence(word: str) -> bool:
    """Whether a word behind letters with stops, as U.S., begins a sentence: it has a capital and is no name."""
    return word[0].isupper() and word.lower() in FUNCTION_WORDS


def language_of(text: str) -> Language:
    """The language that most of `text` is in; "zh" where it has no letters but a sign that only Chinese uses."""
    text = MARKUP.sub(" ", text)
    chinese_signs = any(mark in text for mark in "￥¥，。、《》") and not re.search("[A-Za-z]", text)
    return _decide(text, None) or ("zh" if chinese_signs else "en")


def runs(text: str, default: Language) -> Iterator[tuple[Language, str]]:
    """Stretches of one language, whole clauses each; a clause without letters goes with the one before it."""
    if default == "zh" and not CHINESE.search(text) and len(_words(text)) >= _ENGLISH_CLAUSE:
        default = "en"  # a whole line without a Chinese character is no name
    run, language = "", None
    for match in _CLAUSE.finditer(text):
        clause = match[0]
        own = _decide(clause, default)
        if own is not None and language is not None and own != language:
            yield from _bounded(language, run)
            run = ""
        language = own or language
        run += clause
    if run:
        yield from _bounded(language or default, run)


def _decide(text: str, default: Language | None) -> Language | None:
    """The language of a stretch by its words; None without letters but those of units beside their numbers."""
    text = _UNIT.sub(" ", text)
    characters, words = (
        CHINESE.findall(text),
        [word for word in _LATIN_WORD.findall(text) if len(word) > 1 or word in "aI"],
    )
    letters = words or re.search("[A-Za-z]", text)
    if not characters and not letters:
        return None
    english = sum(map(_is_function_word, words))
    if not characters:
        named = default == "zh" and (len(words) < _ENGLISH_CLAUSE or not english)
        return "zh" if named else "en"
    if not words:
        return "zh"
    chinese = sum(character in _CHINESE_ONLY for character in characters)
    if not english and (chinese or len(characters) >= len(words)):
        return "zh"
    if english and not chinese and len(words) >= _ENGLISH_CLAUSE:
        return "en" if len(characters) < 2 * _CHARACTERS_A_WORD * len(words) else "zh"
    return "en" if len(words) * _CHARACTERS_A_WORD > len(characters) else "zh"


def _words(text: str) -> list[str]:
    """Latin words; a single letter is a quantity or a name, but for a and I."""
    return [word for word in _LATIN_WORD.findall(text) if len(word) > 1 or word in "aI"]


def is_english(text: str) -> bool:
    """Whether a run of Latin words is a phrase of English rather than a name."""
    words = _words(text)
    return len(words) >= _ENGLISH_CLAUSE and any(map(_is_function_word, words))


def _is_function_word(word: str) -> bool:
    """Whether a word shows that a clause is English; AT and IT in capitals are names."""
    return word == "I" or (len(word) > 1 and word.lower() in FUNCTION_WORDS and not word.isupper())


def _bounded(language: Language, run: str) -> Iterator[tuple[Language, str]]:
    """A run in parts of a bounded length, cut at blanks or after marks, so that no rule sees more than that at once."""
    while len(run) > LONGEST_RUN:
        end = max(run.rfind(mark, LONGEST_RUN // 2, LONGEST_RUN) for mark in " ，。,、")
        end = end + 1 if end > 0 else LONGEST_RUN
        yield language, run[:end]
        run = run[end:]
    yield language, run
