"""Tables of readings: polyphones between marks (CPP and ours), everyday sentences with pinyin, English homographs."""

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from glmtts.errors import EvaluationError
from glmtts.eval.text.tables import read_lines, read_text
from glmtts.text.english import dictionary
from glmtts.text.homographs import homograph_model
from glmtts.text.mandarin import CHINESE, dictionary_readings, read_pinyin
from glmtts.text.polyphones import polyphone_model

PARTICLES = "地得"
_MARKED = re.compile("[^▁]*▁[^▁]▁[^▁]*")
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
    for number, line in read_lines(path):
        sentence, _, reading = line.partition("\t")
        if not reading or not _MARKED.fullmatch(sentence):
            raise EvaluationError(
                f"Line {number} of {path} is no sentence with one character between ▁ marks, a tab and its reading. "
                "Give a table like CPP's."
            )
        lines.append((sentence.replace("▁", ""), sentence.index("▁"), reading.replace("u:", "v")))
    return lines


def everyday_readings(path: Path) -> Iterator[tuple[int, str, dict[int, str]]]:
    """Number, text and readings by position of the sentences of hsk-sentences-audio whose pinyin lines up with it.

    Raises:
        EvaluationError: the file is no such list.
    """
    for number, (text, pinyin) in enumerate(_sentences(path)):
        places = [match.start() for match in CHINESE.finditer(text)]
        syllables = re.findall(r"[a-z]+[1-5]?", pinyin.lower().replace("u:", "v").replace("ü", "v"))
        if len(places) == len(syllables):
            readings = [syllable if syllable[-1].isdigit() else f"{syllable}5" for syllable in syllables]
            yield number, text, dict(zip(places, readings, strict=True))


def _sentences(path: Path) -> list[tuple[str, str]]:
    """Text and pinyin."""
    try:
        found = [(entry["chinese"], entry["pinyin_numbered"]) for entry in json.loads(read_text(path))]
        if all(isinstance(value, str) for pair in found for value in pair):
            return found
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise EvaluationError(f"{path} has an entry without chinese and pinyin_numbered. Give hsk-sentences-audio's.")


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
        for row in csv.DictReader(read_text(path).split("\n"), delimiter="\t"):
            raw = row["sentence"].encode()
            start, end = (len(raw[: int(row[side])].decode()) for side in ("start", "end"))
            found.append((row["sentence"], start, end, row["wordid"]))
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise EvaluationError(f"{path} is no table of homographs: {error}. Give one of the Homograph Data.") from None
    return found


def readers() -> dict[str, Reader]:
    """Readers of Mandarin by name: pypinyin's phrases, ours, and g2pM where it is installed."""
    found: dict[str, Reader] = {"pypinyin": dictionary_readings, "ours": read_pinyin}
    if find_spec("g2pM"):
        found["g2pM"] = _g2pm()
    return found


def choosers(train: Path | None) -> dict[str, Chooser]:
    """Ways to read English homographs: the dictionary's first, the most frequent of training lines, the classifier.

    Of a word that they do not know they give no label.
    """
    found = {"CMU dictionary, first reading": _first_reading(), "ours": _classifier()}
    if train is not None:
        found["most frequent reading"] = _most_frequent(read_homographs(train))
    return found


def _most_frequent(lines: Sequence[Occurrence]) -> Chooser:
    counts: dict[str, Counter[str]] = {}
    for text, start, end, label in lines:
        counts.setdefault(text[start:end].lower(), Counter())[label] += 1
    labels = {word: by_label.most_common(1)[0][0] for word, by_label in counts.items()}
    return lambda text, start, end: labels.get(text[start:end].lower(), "")


def _first_reading() -> Chooser:
    words = homograph_model().words

    def choose(text: str, start: int, end: int) -> str:
        word = text[start:end].lower()
        phones = tuple(dictionary().get(word, ()))
        return next((label for label, known in words.get(word, {}).items() if known == phones), "")

    return choose


def _classifier() -> Chooser:
    model = homograph_model()
    return lambda text, start, end: model.label(text, start, end) if model.known(text[start:end].lower()) else ""


def _g2pm() -> Reader:
    from g2pM import G2pM

    model = G2pM()
    return lambda text: [reading.replace("u:", "v") for reading in model(text, tone=True, char_split=True)]
