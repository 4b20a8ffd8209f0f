"""Tables of readings: polyphones between marks (CPP and ours), everyday sentences with pinyin, English homographs."""

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from glmtts.errors import EvaluationError
from glmtts.text.english import dictionary
from glmtts.text.homographs import homograph_model
from glmtts.text.mandarin import CHINESE, dictionary_readings, read_pinyin
from glmtts.text.polyphones import polyphone_model

PARTICLES = "地得"
Line = tuple[str, int, str]  # sentence, position of the character, reading
Occurrence = tuple[str, int, int, str]  # sentence, start and end of the word, label
Reader = Callable[[str], Sequence[str | None]]
Chooser = Callable[[str, int, int], str]


def read_marked(path: Path) -> list[Line]:
    """Lines of CPP: a sentence with one polyphone between ▁ marks, a tab, its reading (`u:` or `v` for ü).

    Raises:
        EvaluationError: the file is no such table.
    """
    lines = []
    for number, line in enumerate(_text(path).splitlines()):
        sentence, tab, reading = line.partition("\t")
        if not tab or "▁" not in sentence:
            raise EvaluationError(f"Line {number + 1} of {path} has no ▁ marks and reading. Give a table like CPP's.")
        lines.append((sentence.replace("▁", ""), sentence.index("▁"), reading.replace("u:", "v")))
    return lines


def everyday_readings(path: Path) -> Iterator[tuple[int, str, dict[int, str]]]:
    """Number, text and readings by position of the sentences of hsk-sentences-audio whose pinyin lines up with it."""
    for number, entry in enumerate(json.loads(_text(path))):
        text = entry["chinese"]
        places = [match.start() for match in CHINESE.finditer(text)]
        syllables = re.findall(r"[a-z]+[1-5]?", entry["pinyin_numbered"].lower().replace("u:", "v").replace("ü", "v"))
        if len(places) == len(syllables):
            readings = [syllable if syllable[-1].isdigit() else f"{syllable}5" for syllable in syllables]
            yield number, text, dict(zip(places, readings, strict=True))


def everyday_lines(path: Path) -> list[Line]:
    """Polyphones of the odd sentences of hsk-sentences-audio; the classifier was trained on the even ones.

    Its pinyin comes from a dictionary and holds slips, so that the figure compares readers rather than tells how good
    one is: the particles 地 and 得 are written di4 and de2 in it.
    """
    known = polyphone_model().candidates
    return [
        (text, place, name)
        for number, text, readings in everyday_readings(path)
        if number % 2
        for place, name in readings.items()
        if text[place] in known
    ]


def read_homographs(path: Path) -> list[Occurrence]:
    """Lines of the Wikipedia Homograph Data; the file counts bytes.

    Raises:
        EvaluationError: the file is no such table.
    """
    found = []
    try:
        for row in csv.DictReader(_text(path).splitlines(), delimiter="\t"):
            raw = row["sentence"].encode()
            start, end = (len(raw[: int(row[side])].decode()) for side in ("start", "end"))
            found.append((row["sentence"], start, end, row["wordid"]))
    except (KeyError, ValueError, TypeError) as error:
        raise EvaluationError(f"{path} is no table of homographs: {error}. Give one of the Homograph Data.") from None
    return found


def readers() -> dict[str, Reader]:
    """Readers of Mandarin by name: pypinyin's phrases, ours, and g2pM where it is installed."""
    found: dict[str, Reader] = {"pypinyin": dictionary_readings, "ours": read_pinyin}
    if find_spec("g2pM"):
        found["g2pM"] = _g2pm()
    return found


def choosers(train: Path | None) -> dict[str, Chooser]:
    """Ways to read English homographs: the dictionary's first, the most frequent of training lines, the classifier."""
    found = {"CMU dictionary, first reading": _first_reading(), "ours": homograph_model().label}
    if train is not None:
        found["most frequent reading"] = _most_frequent(read_homographs(train))
    return found


def _most_frequent(lines: Sequence[Occurrence]) -> Chooser:
    counts: dict[str, Counter[str]] = {}
    for text, start, end, label in lines:
        counts.setdefault(text[start:end].lower(), Counter())[label] += 1
    return lambda text, start, end: counts[text[start:end].lower()].most_common(1)[0][0]


def _first_reading() -> Chooser:
    words = homograph_model().words

    def choose(text: str, start: int, end: int) -> str:
        word = text[start:end].lower()
        phones = tuple(dictionary().get(word, ()))
        return next((label for label, known in words[word].items() if known == phones), "")

    return choose


def _g2pm() -> Reader:
    from g2pM import G2pM

    model = G2pM()
    return lambda text: [reading.replace("u:", "v") for reading in model(text, tone=True, char_split=True)]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path} cannot be read: {error}. Give another file.") from None
