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
    "swings": np.full(800, 1.2, np.float32),
    "nan": np.full(800, np.nan, np.float32),
    "loud": np.full(800, 9000.0, np.float32),
    "huge": np.full(800, -1e300),
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
    assert run(tmp_path / "swings", lines, "x=foreign:swings", scorers=()).tables[0]["missing"] == 0
    for name, peak in (("loud", "9e+03"), ("huge", "1e+300")):
        (said,) = {one["error"] for one in run(tmp_path / name, lines, f"x=foreign:{name}", scorers=()).utterances}
        assert said == f"the system gave samples up to {peak}, not in ±1"
    for name in ("int", "stereo"):
        with pytest.raises(EvaluationError, match=r"failed on the lines .*: ValueError: samples .* \(T,\) of float32"):
            run(tmp_path / name, lines, f"x=foreign:{name}", scorers=())


def test_a_system_that_fails_is_one_sentence(tmp_path: Path, lines: Path) -> None:
    with pytest.raises(EvaluationError, match="'x' failed on the lines 'line0' to 'line2': KeyError: 'other'"):
        run(tmp_path, lines, "x=foreign:other", scorers=())
    with pytest.raises(EvaluationError, match="'x' cannot be loaded: ImportError: no module named foreign"):
        systems.load(SystemSpec.parse("x=foreign:broken"))


TONE = (0.3 * np.sin(np.arange(800) * 0.05)).astype(np.float32)


@pytest.mark.parametrize("rate", [24000.5, float("nan"), float("inf"), 1, 0, -16000, 10**9, "24000", None])
def test_a_rate_is_that_of_a_recording(rate: Any) -> None:
    with pytest.raises(ValueError, match="is no whole number of Hz from 4000 to 384000"):
        SystemOutput(TONE, rate).checked()


def test_what_a_system_says_beside_becomes_plain_values() -> None:
    given = {"first_chunk": np.float32(0.5), "longest_wait": float("nan"), "none": None}
    one = SystemOutput(TONE, np.int64(24000), details=given, taken=np.float32(2)).checked()  # type: ignore[arg-type]
    assert (one.rate, one.taken, one.details) == (24000, 2.0, {"first_chunk": 0.5, "longest_wait": None, "none": None})
    assert [type(value) for value in (one.rate, one.taken, one.details["first_chunk"])] == [int, float, float]
    told = SystemOutput(None, 0, error=ValueError("a part is \ud800")).checked()  # type: ignore[arg-type]
    assert told.error == "a part is \\ud800"
    for wrong in (
        {"taken": float("nan")},
        {"taken": -1},
        {"taken": "2"},
        {"details": {"\ud800": 1}},
        {"details": {"a": "b"}},
    ):
        with pytest.raises((TypeError, ValueError, AttributeError)):
            SystemOutput(TONE, 24000, **wrong).checked()


class Odd(Foreign):
    """Says of itself, and of its files, what its argument names."""

    def about(self) -> dict[str, Any]:
        said = {"numpy": {"v": np.float32(1)}, "nan": {"v": float("nan")}, "half": {"v": "\ud800"}, "nothing": None}
        return {"v": 1 / 0} if self.argument == "fails" else said.get(self.argument, {})  # type: ignore[return-value]

    def sources(self, items: Sequence[Item]) -> list[Path | None]:
        return ["a"] if self.argument == "sources" else []  # type: ignore[list-item]


class Half:
    """Has neither languages nor an account of itself."""

    is_copy = False

    def __init__(self, argument: str | None, options: dict[str, str]) -> None:
        pass


systems.register("odd", Odd)
systems.register("half", Half)  # type: ignore[arg-type]


def test_what_a_system_says_of_itself_can_stand_in_a_report(tmp_path: Path, lines: Path) -> None:
    for name, words in (
        ("numpy", "TypeError: Object of type float32 is not JSON"),
        ("nan", "ValueError: Out of range float"),
        ("half", "UnicodeEncodeError"),
        ("nothing", "TypeError"),
        ("fails", "ZeroDivisionError"),
    ):
        with pytest.raises(EvaluationError, match=f"'x' does not say what it is, for the report: {words}"):
            run(tmp_path / name, lines, f"x=odd:{name}", scorers=())
    with pytest.raises(EvaluationError, match="'x' does not say which files it reads: AttributeError"):
        run(tmp_path, lines, "x=odd:sources", scorers=())
    with pytest.raises(EvaluationError, match="'x' has no 'languages'"):
        systems.load(SystemSpec.parse("x=half"))


class Sloppy(Judge):
    """Announces and gives what its options name."""

    def __init__(self, announced: str = "judge", given: str = "judge", better: str = "") -> None:
        self.columns = announced if announced == "text" else tuple(announced.split("+"))
        self.higher_is_better = {"judge": better or True}
        self.given = given.split("+")

    def score(self, clips: Sequence[Clip]) -> list[dict[str, Any]]:
        return [dict.fromkeys(self.given, 2.0) for _ in clips]


scorers.register("sloppy", f"{__name__}:Sloppy")


def test_scores_have_the_columns_that_are_announced(tmp_path: Path, lines: Path) -> None:
    for number, (options, words) in enumerate(
        (
            ("given=juge", "failed on the lines 'line0' to 'line2': ValueError: a score has no 'judge'"),
            ("announced=judge+more", "a score has no 'more'"),
            ("announced=id&given=id", "does not say what it gives: ValueError: a column cannot have the name 'id'"),
            ("announced=text", "does not say what it gives: TypeError: its columns are 'text'"),
            ("better=up", "does not say what it gives: TypeError: its higher_is_better"),
        )
    ):
        with pytest.raises(EvaluationError, match=words):
            run(tmp_path / str(number), lines, "x=recordings", scorers=(f"sloppy?{options}",))
    # what stands beside its columns, also under the name of a record's own key, takes nothing from them
    results = run(tmp_path, lines, "x=recordings", scorers=("sloppy?given=judge+id+more",))
    assert results.tables[0]["cells"]["judge"]["mean"] == 2
