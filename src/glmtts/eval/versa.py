"""Score files of VERSA, the field's toolkit of speech metrics: read into a results folder, to report and compare.

`scorer.py` writes a line an utterance, a dictionary of its key and its scores; the name of the metric is the key of its
configuration with a suffix, as our scorers have it.
"""

import ast
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from glmtts.errors import EvaluationError
from glmtts.eval.columns import ValueColumn
from glmtts.eval.hardware import environment
from glmtts.eval.items import EvalList, Item, is_plain_name
from glmtts.eval.results import Results, results_of
from glmtts.eval.runner import Row
from glmtts.eval.systems import SystemSpec
from glmtts.eval.utterance import Utterance

KEYS = ("key", "utt", "id")
TEXTS = ("ref_text", "text"), ("whisper_hyp_text", "hyp_text", "hypothesis")
LOWER = {"wer", "cer", "mcd", "rmse", "f0rmse", "delete", "insert", "replace", "error", "stft", "distance"}
# a text in quotes, which stays as it is, or a value as NumPy 2 prints it, or a number that is not finite
PRINTED = re.compile(
    r"""(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|np\.(?:float|longdouble|u?int)\w*\((?P<number>[^()]*)\)"""
    r"""|np\.(?P<truth>True|False)_?\b|np\.str_\((?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\)"""
    r"""|(?P<bare>-?\b(?:nan|inf)\b)"""
)
COUNTED_RIGHT = "equal"  # the number of units without an error: `whisper_wer_equal` is no error rate


def read_scores(path: Path) -> dict[str, dict[str, Any]]:
    """Scores by utterance; lines are JSON, or Python dictionaries as VERSA prints them.

    Raises:
        EvaluationError: the file cannot be read, a line is no score, or a key stands twice.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # not splitlines: JSON may hold U+2028 and U+0085
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path} cannot be read: {error}. Give a score file of VERSA.") from None
    found: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        values = _dictionary(line)
        key = next((values[name] for name in KEYS if values and name in values), None)
        if values is None or not isinstance(key, str):
            raise EvaluationError(f"Line {number} of {path} is no score with a key. Give a score file of VERSA.")
        if key in found:
            raise EvaluationError(f"Line {number} of {path} has the key '{key}' of an earlier line. Give each its own.")
        found[key] = {name: value for name, value in values.items() if name not in KEYS}
    return found


def results_of_versa(files: Mapping[str, Path], name: str, out: Path) -> Results:
    """A results folder's values from score files by system.

    Raises:
        EvaluationError: as `read_scores`, or a name of the list or of a system can be no folder's.
    """
    if wrong := next((label for label in files if not is_plain_name(label)), None):
        raise EvaluationError(f"A system has the name {wrong!r}, which can be no folder's. Choose another.")
    rows = [_row(label, read_scores(path), name) for label, path in files.items()]
    keys = dict.fromkeys(key for row in rows for one in row.utterances for key in one.scores)
    columns = [ValueColumn(key, key, _score_of(key), _better(key)) for key in keys]
    source = ("versa", "Scores of VERSA", "Read from VERSA's score files; nothing was computed here.")
    return results_of(source, rows, columns, environment() | {"stand_ins": []}, out)


def _row(label: str, scores: dict[str, dict[str, Any]], name: str) -> Row:
    utterances = []
    for number, (key, values) in enumerate(scores.items()):
        text, heard = (next((str(values[one]) for one in names if one in values), None) for names in TEXTS)
        item = Item("".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in key), text or "", "en", number)
        numbers = {column: _number(value) for column, value in values.items() if isinstance(value, int | float)}
        there = {column: one for column, one in numbers.items() if one is not None}
        utterances.append(Utterance(item, hypothesis=heard, scores=dict(there)))
    lines = EvalList(name, tuple(one.item for one in utterances))
    return Row(lines, SystemSpec(label, "versa", None, ()), utterances, {"speech": {"scores": "VERSA"}})


def _number(value: float) -> float | None:
    """A number as a float; None where it is not finite, or a whole number larger than any."""
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _score_of(key: str) -> Any:
    return lambda one: one.scores.get(key)


def _better(key: str) -> str:
    words = set(re.split(r"[_-]", key.lower()))
    return "lower" if words & LOWER and COUNTED_RIGHT not in words else "higher"


def _plain_number(found: re.Match[str]) -> str:
    if plain := found["text"] or found["truth"] or found["string"]:
        return plain
    number = (found["number"] or found["bare"]).strip("'")  # np.longdouble('1.5')
    return "None" if number.strip("-") in ("nan", "inf") else number


def _dictionary(line: str) -> dict[str, Any] | None:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        try:
            values = ast.literal_eval(PRINTED.sub(_plain_number, line))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    return values if isinstance(values, dict) else None
