"""Cases of written text and what a listener accepts as spoken: read from tables, judged without case and punctuation.

A line has language, kind, written and spoken; " / " parts readings that are equally right, words in brackets explain,
"…" stands for the rest of the sentence. Some lines say in words what must be heard ("a pause after each line"); these
are judged by what they say.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from glmtts.errors import EvaluationError, TextError
from glmtts.eval.text.tables import read_rows
from glmtts.text.accents import without_accents
from glmtts.text.english import dictionary
from glmtts.text.frontend import TextFrontend

Say = Callable[[str], str]
COLUMNS = ("language", "kind", "written", "spoken")
_MARK = r"[.。,，!！?？;；:：]"


@dataclass(frozen=True)
class Case:
    """A line of a table."""

    language: str
    kind: str
    written: str
    spoken: str


def read_cases(path: Path) -> list[Case]:
    r"""The cases of a table below its heads; \n and \t stand for themselves in its columns.

    Raises:
        EvaluationError: the file cannot be read, or a line is no case in zh or en.
    """
    cases = []
    for number, (language, kind, written, spoken) in list(read_rows(path, COLUMNS))[1:]:
        if language not in ("zh", "en"):
            raise EvaluationError(f"Line {number} of {path} is in the language '{language}'. Write zh or en.")
        cases.append(Case(language, kind, written.replace("\\n", "\n").replace("\\t", "\t"), spoken))
    return cases


def key(text: str) -> str:
    """Letters and digits alone, in small letters; oh and zero are one digit."""
    small = re.sub(r"\boh\b", "zero", unicodedata.normalize("NFKC", text).lower())
    return "".join(sign for sign in small if sign.isalnum())


def acceptable(case: Case, say: Say, front: TextFrontend | None) -> bool | None:
    """Whether `say` speaks a case acceptably; None where that cannot be told without the front end `front`."""
    for start, check in _DESCRIBED.items():
        if case.spoken.startswith(start):
            return check(case, say, front)
    if case.kind == "letters":
        return _sounds(case, say, front)
    said = key(say(case.written))
    return any(re.fullmatch(pattern, said) for pattern in _patterns(case.spoken))


def _patterns(spoken: str) -> Iterator[str]:
    for reading in spoken.split(" / "):
        other = re.search(r"\((?:or:?)\s+([^)]*)\)", reading)
        for text in (re.sub(r"\([^()]*\)", "", reading), other[1] if other else ""):
            if key(text):
                yield ".*".join(re.escape(key(part)) for part in text.split("…"))


def _pauses(case: Case, say: Say, front: TextFrontend | None) -> bool:
    """A mark stands in the spoken text at the end of every line but the last."""
    said = say(case.written)
    lines = [re.sub(r"^\W+", "", line) for line in case.written.split("\n")]
    return all(re.search(re.escape(line) + r"\s*" + _MARK, said, re.IGNORECASE) for line in lines[:-1] if line)


def _one_sentence(case: Case, say: Say, front: TextFrontend | None) -> bool | None:
    return None if front is None else len(front.prepare(case.written)) == 1 and ". " not in say(case.written)


def _all_or_none(case: Case, say: Say, front: TextFrontend | None) -> bool:
    said = say(case.written)
    found = [key(say(number)) in key(said) for number in re.findall(r"\d+", case.written)]
    return all(found) or not any(found)


def _rest_is_read(case: Case, say: Say, front: TextFrontend | None) -> bool | None:
    if front is None:
        return None
    try:
        text = " ".join(piece.text for piece in front.prepare(f"It begins here. {case.written} It ends there."))
    except TextError:
        return False
    return "begins here" in text and "ends there" in text


def _in_dictionary(case: Case, say: Say, front: TextFrontend | None) -> bool:
    return all(without_accents(word).lower() in dictionary() for word in re.findall(r"[^\W\d]+", say(case.written)))


def _warned(case: Case, say: Say, front: TextFrontend | None) -> bool | None:
    if front is None:
        return None
    pieces = front.prepare(case.written)
    return len(pieces[0].warnings) == 1 and "world" in pieces[-1].text


def _letter_a(case: Case, say: Say, front: TextFrontend | None) -> bool | None:
    return None if front is None else front.to_hybrid(say(case.written)).count("<|EN_EY1|>") == 2


def _sounds(case: Case, say: Say, front: TextFrontend | None) -> bool | None:
    """The same phonemes as those of the reading, which is written in words and letters."""
    if front is None:
        return None
    said = re.sub(r"\W", "", front.to_hybrid(say(case.written)))
    return any(said == re.sub(r"\W", "", front.to_hybrid(reading)) for reading in case.spoken.split(" / "))


_DESCRIBED: dict[str, Callable[[Case, Say, TextFrontend | None], bool | None]] = {
    "a pause": _pauses, "one sentence: no": _one_sentence, "all ": _all_or_none, "is spoken or refused": _rest_is_read,
    "words, each": _in_dictionary, "one sentence says": _warned, "the letter A": _letter_a,
}  # fmt: skip
