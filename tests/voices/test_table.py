"""The table of a curve over shares: what seeds of the same lines show, and what is kept of other machines."""

import json
import runpy
import shutil
from pathlib import Path
from typing import Any

import pytest

TABLE = runpy.run_path(str(Path(__file__).resolve().parents[2] / "recipes/voices/table.py"))


def run_of(likeness: list[float], edits: list[int]) -> dict[str, Any]:
    """Lines of ten units, and words, with these figures."""
    lines = {
        str(n): {"edits": e, "units": 10, "resemblyzer": one, "seconds": 1.0, "own_seconds": 2.0}
        for n, (one, e) in enumerate(zip(likeness, edits, strict=True))
    }
    return {"lines": lines, "words": {str(n): {"resemblyzer": one} for n, one in enumerate(likeness)}, "training": {}}


def test_a_seed_that_says_the_same_narrows_no_interval() -> None:
    one = run_of([0.8, 0.9, 0.7, 0.95], [0, 4, 1, 0])
    alone, thrice = (TABLE["figures_of"]([one] * seeds) for seeds in (1, 3))
    assert thrice["resemblyzer"].pop("seeds") == [0.8375] * 3
    assert thrice["error_rate"].pop("seeds") == [0.125] * 3
    assert (thrice["resemblyzer"], thrice["error_rate"]) == (alone["resemblyzer"], alone["error_rate"])
    assert alone["length_ratio"]["mean"] == 0.5
    assert "seeds" not in alone["onset_resemblyzer"] and "nisqa" not in alone


def test_differences_are_of_the_mean_of_seeds() -> None:
    low, high = run_of([0.5, 0.6, 0.7], [0, 0, 0]), run_of([0.7, 0.8, 0.9], [2, 2, 2])
    found = TABLE["differences"]([low, high], [low])
    assert found["resemblyzer"]["difference"] == pytest.approx(0.1)
    assert found["error_rate"]["difference"] == pytest.approx(0.1)


def test_runs_of_another_machine_are_kept(tmp_path: Path) -> None:
    results = tmp_path / "ljspeech_5" / "results"
    results.mkdir(parents=True)
    for name, likeness in (("15_0", 0.5), ("15_1", 0.7), ("full_0", 0.9)):
        run = run_of([likeness, likeness], [0, 1])
        (results / f"{name}.json").write_text(json.dumps({"commit": "abc", **run}), encoding="utf-8")
    first = TABLE["measured"](tmp_path / "ljspeech_5", tmp_path / "none.json")
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps(first), encoding="utf-8")
    shutil.rmtree(results)
    assert TABLE["measured"](tmp_path / "ljspeech_5", kept) == first
    row = TABLE["collected"](first)["15"]
    assert row["seeds"] == 2
    assert row["minus_full"]["resemblyzer"]["difference"] == pytest.approx(-0.3)
