"""The order of systems from preferences: the most likely strengths, and what is said where there are none."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from glmtts.cli import app
from glmtts.errors import EvaluationError
from glmtts.eval.listening.analysis import Rating, order_of
from glmtts.eval.listening.files import read_answers, read_key
from glmtts.eval.listening.page import make_page
from glmtts.eval.listening.strengths import connected, determined, smoothed, strengths

NAMES = ["bad", "fair", "good"]
TRUE = {"bad": -1.0, "fair": 0.0, "good": 1.0}


def likelihood(answers_SS: np.ndarray, strength_NS: np.ndarray) -> np.ndarray:
    """Log-likelihood of answers by the model, for many strengths (N, S)."""
    differences = strength_NS[:, :, None] - strength_NS[:, None, :]
    return -(answers_SS * np.log1p(np.exp(-differences))).sum(axis=(1, 2))


def by_force(answers_SS: np.ndarray) -> np.ndarray:
    """Strengths of three systems by ever finer grids over the plane of those with a mean of 0."""
    middle, width = np.zeros(2), 8.0
    for _ in range(40):
        steps = np.linspace(-width, width, 17)
        plane = middle + np.array(list(itertools.product(steps, steps)))
        middle = plane[likelihood(answers_SS, np.column_stack([plane, -plane.sum(axis=1)])).argmax()]
        width *= 0.6
    return np.array([*middle, -middle.sum()])


def test_strengths_are_the_most_likely_ones() -> None:
    draw = np.random.default_rng(0)
    tables_RSS = draw.integers(1, 30, size=(12, 3, 3)) / 2.0  # halves: answers for neither
    tables_RSS[:, range(3), range(3)] = 0
    tables_RSS[0] = [[0, 5, 0], [1, 0, 7], [2, 0, 0]]  # who won against whom goes round, and some never won
    for answers_SS, found_S in zip(tables_RSS, strengths(tables_RSS), strict=True):
        assert found_S == pytest.approx(by_force(answers_SS), abs=1e-6)
    assert np.diff(strengths(np.array([[[0, 2.5], [7.5, 0]]]))[0]) == pytest.approx(np.log(3))


def test_whether_there_are_strengths_at_all() -> None:
    always = np.array([[0, 4, 4], [0, 0, 3], [0, 2, 0]], float)  # the first won everything
    apart = np.array([[0, 4, 0], [1, 0, 0], [0, 0, 0]], float)  # the third was compared with nobody
    round_ = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]], float)
    tables_RSS = np.stack([always, apart, round_])
    assert connected(tables_RSS).tolist() == [True, False, True]
    assert determined(tables_RSS).tolist() == [False, False, True]
    assert np.array_equal(smoothed(tables_RSS)[2], round_)
    assert np.array_equal(smoothed(tables_RSS)[0], always + 0.5 * (1 - np.eye(3)))


def ratings(raters: int, lines: int, without: tuple[str, ...] = ()) -> list[Rating]:
    """What listeners say who follow the model, of all pairs but those left out."""
    draw, found = np.random.default_rng(2), []
    for rater, line, (a, b) in itertools.product(range(raters), range(lines), itertools.combinations(NAMES, 2)):
        prefers_a = draw.random() < 1 / (1 + np.exp(TRUE[b] - TRUE[a]))
        if f"{a} / {b}" not in without:
            found.append(Rating(f"r{rater}", f"l{line}", f"{a} / {b}", float(prefers_a)))
    return found


def test_the_order_and_its_intervals() -> None:
    order, note = order_of(NAMES, ratings(12, 20))
    assert [one.system for one in order] == ["good", "fair", "bad"] and note == ""
    for one in order:
        assert one.interval is not None and one.interval[0] < TRUE[one.system] < one.interval[1]
        assert one.interval[1] - one.interval[0] < 0.8 and one.ratings == 2 * 12 * 20
    # the two were never compared, and their strengths follow from those of a third
    order, _ = order_of(NAMES, ratings(12, 20, ("bad / good",)))
    assert [one.system for one in order] == ["good", "fair", "bad"]
    assert order_of(NAMES, ratings(1, 20))[0][0].interval is None


def test_one_who_won_everything_is_first_and_finite_and_systems_apart_have_no_order() -> None:
    always = [
        Rating(f"r{r}", f"l{n}", pair, 0.0)
        for r in range(3)
        for n in range(4)
        for pair in ("bad / good", "fair / good")
    ]
    order, note = order_of(NAMES, [*always, Rating("r0", "l0", "bad / fair", 0.5)])
    assert order[0].system == "good" and order[0].interval is not None and np.isfinite(order[0].interval).all()
    assert "no bound: half an answer was added" in note
    assert [one.mean for one in order[1:]] == pytest.approx([order[1].mean] * 2)
    order, note = order_of(NAMES, ratings(3, 4, ("bad / good", "fair / good")))
    assert order == [] and "never compared" in note


def test_the_analysis_shows_the_order_of_three(tmp_path: Path) -> None:
    said = ratings(4, 6)
    pairs = [(f"t{n}", one) for n, one in enumerate(said) if one.rater == "r0"]
    trials = [{"id": name, "systems": one.system.split(" / "), "line": one.line} for name, one in pairs]
    key = {"test": "x", "kind": "preference", "systems": NAMES, "trials": trials}
    (tmp_path / "key.json").write_text(json.dumps(key), encoding="utf-8")
    files = []
    for rater in range(4):
        own = [one for one in said if one.rater == f"r{rater}"]
        # on the page 0 prefers the first of the two
        given = [{"trial": name, "value": 1 - one.value} for (name, _), one in zip(pairs, own, strict=True)]
        files.append(tmp_path / f"{rater}.json")
        files[-1].write_text(json.dumps({"test": "x", "rater": f"r{rater}", "answers": given}), encoding="utf-8")
    command = ["eval", "listening", "analyse", str(tmp_path / "key.json"), *map(str, files)]
    out = CliRunner().invoke(app, command, catch_exceptions=False).output
    order = [line.split("|")[1].strip() for line in out.partition("Bradley-Terry")[2].split("\n")[2:5]]
    assert order == ["good", "fair", "bad"]


def test_what_would_count_twice_is_refused(tmp_path: Path) -> None:
    trials = [{"id": "t0", "systems": ["a"], "line": "l"}]
    (tmp_path / "key.json").write_text(json.dumps({"test": "x", "kind": "mos", "systems": ["a"], "trials": trials}))
    twice = {"test": "x", "rater": "r", "answers": [{"trial": "t0", "value": 5}] * 2}
    (tmp_path / "r.json").write_text(json.dumps(twice))
    with pytest.raises(EvaluationError, match="answers the trial 't0' twice"):
        read_answers(tmp_path / "r.json", read_key(tmp_path / "key.json"))
    with pytest.raises(EvaluationError, match="A system is named twice"):
        make_page(tmp_path, ["a", "a"], "preference", 1, tmp_path / "out", 0)
