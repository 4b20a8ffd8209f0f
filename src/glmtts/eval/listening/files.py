"""The files of a listening test as they are read: its key, and the answers that a listener saved."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glmtts.errors import EvaluationError
from glmtts.eval.listening.trials import CHECK, Kind

RANGES: dict[Kind, tuple[float, float]] = {"mos": (1.0, 5.0), "preference": (0.0, 1.0)}  # of a value


@dataclass(frozen=True)
class Trial:
    """What was heard: one system, or the two of a pair (`check` is noise), with the line."""

    systems: tuple[str, ...]
    line: str


@dataclass(frozen=True)
class Key:
    """What tells the trials of a test, by their ids."""

    test: str
    kind: Kind
    systems: tuple[str, ...]
    trials: dict[str, Trial]


@dataclass(frozen=True)
class Answers:
    """What one listener said: a value for each trial's id."""

    rater: str
    values: list[tuple[str, float]]


def read_key(path: Path) -> Key:
    """The key of a test.

    Raises:
        EvaluationError: the file cannot be read, or is no key.
    """
    values = _read(path)
    try:
        size = {"mos": 1, "preference": 2}[values["kind"]]
        trials = {_text(one["id"]): Trial(_texts(one["systems"]), _text(one["line"])) for one in values["trials"]}
        systems = _texts(values["systems"])
        # a pair of one system, or a system that the test has not, would be counted as something else
        known = all(set(trial.systems) <= {*systems, CHECK} for trial in trials.values())
        if known and all(len(trial.systems) == len(set(trial.systems)) == size for trial in trials.values()):
            return Key(values["test"], values["kind"], systems, trials)
    except (KeyError, TypeError):
        pass
    raise EvaluationError(f"{path} is no key of a listening test. Give the test's key.json first, then the answers.")


def read_answers(path: Path, key: Key) -> Answers:
    """The answers of one listener.

    Raises:
        EvaluationError: the file cannot be read, has no answers or those of another test, or a value out of range.
    """
    values = _read(path)
    try:
        given = [(_text(one["trial"]), dict(one).get("value")) for one in values["answers"]]
        rater = _text(values["rater"])
    except (KeyError, TypeError):
        raise EvaluationError(f"{path} has no answers of a listener. Give files that the page has saved.") from None
    if values["test"] != key.test:
        raise EvaluationError(f"{path} is of another test. Give the answers of this one.")
    low, high = RANGES[key.kind]
    ratings: dict[str, float] = {}
    for trial, value in given:
        # a truth of JSON is an int to Python; NaN, which its parser takes, lies in no range
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise EvaluationError(
                f"{path} answers the trial '{trial}' with {value!r}, which is no number from {low:g} to {high:g}. "
                "Give the file as the page has saved it."
            )
        if trial in ratings:
            raise EvaluationError(f"{path} answers the trial '{trial}' twice. Give the file as the page has saved it.")
        ratings[trial] = float(value)
    return Answers(rater, list(ratings.items()))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError
    return tuple(_text(value) for value in values)


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:  # the parser recurses, and brackets cost it the stack
        raise EvaluationError(f"{path} cannot be read: {error}. Give the files of a listening test.") from None
    if isinstance(values, dict) and isinstance(values.get("test"), str):
        return values
    raise EvaluationError(f"{path} is no file of a listening test. Give key.json and the answers.")
