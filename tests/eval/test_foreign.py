"""Systems and scorers of packages: what they raise is one sentence, what they give is looked at."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glmtts.errors import EvaluationError
from glmtts.eval import scorers, systems
from glmtts.eval.items import Item
from glmtts.eval.report.cells import tables_of
from glmtts.eval.results import UTTERANCES
from glmtts.eval.scorers import Clip
from glmtts.eval.systems import SystemOutput, SystemSpec
from tests.eval.test_runner import run

GIVEN: dict[str, Any] = {
    "whole": np.zeros(800, np.float64),
    "nan": np.full(800, np.nan, np.float32),
    "int": np.zeros(800, np.int16),
    "stereo": np.zeros((800, 2), np.float32),
}


class Foreign:
    """Gives what its argument names, and fails where that is nothing known."""

    languages = None
    is_copy = False

    def __init__(self, argument: str | None, options: dict[str, str]) -> None:
        self.argument = argument or ""
        if self.argument == "broken":
            raise ImportError("no module named foreign")

    def speak(self, items: Sequence[Item]) -> list[SystemOutput]:
        """One output a line."""
        return [SystemOutput(GIVEN[self.argument], 16000) for _ in items]

    def about(self) -> dict[str, Any]:
        """Nothing."""
        return {}


class Judge:
    """A scorer that gives NaN for a line, a NumPy number for the others, and fails where it is asked to."""

    name = "judge"
    columns = ("judge",)
    higher_is_better = {"judge": True}  # noqa: RUF012
    stand_in_for = None

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails

    def score(self, clips: Sequence[Clip]) -> list[dict[str, Any]]:
        """A value a clip."""
        if self.fails:
            raise RuntimeError("the network is broken.\nand more")
        return [{"judge": np.float32("nan") if clip.id == "line1" else np.float32(2)} for clip in clips]


systems.register("foreign", Foreign)
scorers.register("judge", f"{__name__}:Judge")


def test_a_scorer_that_fails_is_one_sentence_and_nothing_is_lost(tmp_path: Path, lines: Path) -> None:
    said = r"'judge\?fails=true' failed on the lines 'line0' to 'line2': RuntimeError: the network is broken \(test_for"
    with pytest.raises(EvaluationError, match=said) as told:
        run(tmp_path, lines, "x=recordings", scorers=("judge?fails=true",))
    assert isinstance(told.value.__cause__, RuntimeError)  # whoever wrote it needs the traceback
    assert len(list(tmp_path.rglob("speech/000?.json"))) == 3
    assert run(tmp_path, lines, "x=recordings", scorers=("judge",)).tables[0]["cells"]["judge"]["mean"] == 2


def test_a_score_that_is_no_number_is_none_and_the_table_tells_of_how_many_lines_it_is(
    tmp_path: Path, lines: Path
) -> None:
    results = run(tmp_path, lines, "x=recordings", scorers=("judge",))
    results.save(tmp_path)
    (row,) = tables_of(results)[0][1][1]
    assert row[:3] == ["x", "7", "1"] and row[-1] == "2.000 [2.000, 2.000] of 5"
    values = {one["id"]: one["values"]["judge"] for one in results.utterances}
    assert values["line0"] == 2 and values["line1"] is None
    for path in (tmp_path / UTTERANCES, *tmp_path.rglob("000?.json")):
        # what other programs read: JSON has no NaN
        for line in path.read_text("utf-8").splitlines() if path.name == UTTERANCES else [path.read_text("utf-8")]:
            json.loads(line, parse_constant=pytest.fail)


def test_what_a_system_gives_is_looked_at(tmp_path: Path, lines: Path) -> None:
    assert run(tmp_path / "a", lines, "x=foreign:whole", scorers=()).tables[0]["missing"] == 0
    results = run(tmp_path / "b", lines, "x=foreign:nan", scorers=())
    assert {one["error"] for one in results.utterances} == {"the system gave values that are not numbers"}
    for name in ("int", "stereo"):
        with pytest.raises(EvaluationError, match=r"failed on the lines .*: ValueError: samples .* \(T,\) of float32"):
            run(tmp_path / name, lines, f"x=foreign:{name}", scorers=())


def test_a_system_that_fails_is_one_sentence(tmp_path: Path, lines: Path) -> None:
    with pytest.raises(EvaluationError, match="'x' failed on the lines 'line0' to 'line2': KeyError: 'other'"):
        run(tmp_path, lines, "x=foreign:other", scorers=())
    with pytest.raises(EvaluationError, match="'x' cannot be loaded: ImportError: no module named foreign"):
        systems.load(SystemSpec.parse("x=foreign:broken"))
