"""Readings of English homographs that the words beside them tell: the lead pipe, lead the way, read it yesterday.

`homograph_contexts.tsv` says, for a word or a class of words, what stands before it, what after it, and which reading
it has then: the first rule that holds wins, and where none does the classifier of `homographs` decides. Patterns see
one sentence in small letters, so `^` and `$` are its ends.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from glmtts.text.data import read_lines

REACH = 200  # characters on either side; the work stays linear in a text without ends of sentences
_MACRO = re.compile(r"\{([A-Z]+)\}")
# What ends a sentence for these rules; the stop of Mr. does, too, and leaves less to see.
_END = re.compile(r"[.!?;:](?=[\s\"'”’)]|$)|\n")


class Rule(NamedTuple):
    """The label it gives ("verb" and "other" are those of the word), and patterns before and after the word."""

    label: str
    before: re.Pattern[str]
    after: re.Pattern[str]


class Rules:
    """The rules of a table for the homographs `words`: word → label → phones."""

    def __init__(self, lines: Iterable[str], words: Mapping[str, Mapping[str, object]]) -> None:
        self._macros: dict[str, str] = {}
        self._rules: dict[str, list[Rule]] = {}
        for line in lines:
            if not line or line.startswith("#"):
                continue
            name, is_macro, pattern = line.partition(" = ")
            if is_macro:
                self._macros[name] = self._expand(pattern)
            else:
                self._add(words, *[*line.split("\t"), "", ""][:4])

    def label(self, word: str, text: str, start: int, end: int) -> str:
        """The label that a rule gives the form of `word` at text[start:end]; empty where none holds."""
        rules = self._rules.get(word)
        if not rules:
            return ""
        before, after = _sentence_around(text, start, end)
        for rule in rules:
            if rule.after.match(after) and rule.before.search(before):
                return rule.label
        return ""

    def _add(self, words: Mapping[str, Mapping[str, object]], named: str, label: str, before: str, after: str) -> None:
        patterns = re.compile(f"(?:{self._expand(before)})$" if before else ""), re.compile(self._expand(after))
        for word in _class(named, words):
            self._rules.setdefault(word, []).append(Rule(_label_of(label, words[word]), *patterns))

    def _expand(self, pattern: str) -> str:
        return _MACRO.sub(lambda match: f"(?:{self._macros[match[1]]})", pattern)


def _sentence_around(text: str, start: int, end: int) -> tuple[str, str]:
    """What of its sentence stands before and after a word, in small letters, at most `REACH` characters of each."""
    before = _END.split(text[max(0, start - REACH) : start].lower().replace("’", "'"))[-1].lstrip(" \"'“‘(")
    after = _END.split(text[end : end + REACH].lower().replace("’", "'"), maxsplit=1)[0]
    # the beginning is out of sight, so that no ^ may hold
    return ("… " + before if start > REACH and len(before) >= REACH - 2 else before), after


def _class(named: str, words: Mapping[str, Mapping[str, object]]) -> list[str]:
    """The words that a line names: one by one, "*" for all that are a verb or not, "*ate" for those with that end."""
    listed, _, without = named.partition(" but ")
    if not listed.startswith("*"):
        return listed.split()
    ending, left_out = listed[1:], without.split()
    return [
        word for word in words if _is_plain_pair(word, words[word]) and word.endswith(ending) and word not in left_out
    ]


def _is_plain_pair(word: str, labels: Mapping[str, object]) -> bool:
    """Whether a word is a verb in the present by one of its two labels: not learned, nor dove, whose verb is a past."""
    verbs = [label for label in labels if label.endswith("_vrb")]
    past = word.endswith("ed") or word in ("dove", "wound")
    return len(labels) == 2 and len(verbs) == 1 and not past and not word.endswith("es") and word != "winds"


def _label_of(label: str, labels: Mapping[str, object]) -> str:
    if label not in ("verb", "other"):
        return label
    return next(name for name in labels if name.endswith("_vrb") == (label == "verb"))


@lru_cache(maxsize=1)
def table() -> list[str]:
    """Lines of the table that ships with the package."""
    return read_lines("homograph_contexts.tsv")
