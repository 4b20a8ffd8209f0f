"""The recipe of the ablations: rows over seeds, paired differences, copies, and the page."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from glmtts.errors import EvaluationError, TrainingError
from glmtts.eval.results import Results
from glmtts.training.engine import Engine
from glmtts.training.registry import create_task
from tests.training.made_up import run_of, write_speech

RECIPE = Path(__file__).parents[1] / "recipes" / "ablations"
OWN = ("page", "pictures", "runs", "vocoder", "speech_tokenizer")


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Imports a module of the recipe, whose folder is no package."""
    monkeypatch.syspath_prepend(str(RECIPE))
    yield import_module
    for name in OWN:
        sys.modules.pop(name, None)


def results_with(values: dict[str, list[float]]) -> Results:
    """Results of systems whose lines have these values of NISQA."""
    utterances = [
        {"list": "en", "id": str(number), "system": system, "values": {"nisqa_mos_pred": value}}
        for system, of in values.items()
        for number, value in enumerate(of)
    ]
    return Results("vocoder", "", "", [], [], utterances, [], {})


def test_a_row_is_the_mean_of_its_seeds_and_compared_line_by_line(step: Any) -> None:
    lines = np.linspace(2, 4, 12)
    values = {"vocos2d_0": lines, "vocos2d_1": lines + 0.2, "vocos_0": lines - 0.3, "recordings": lines + 1}
    results = results_with({name: list(of) for name, of in values.items()})
    vocoder = step("vocoder")
    found = vocoder.row_of(results, "vocos", "vocos2d")["nisqa_mos_pred"]
    assert found["mean"] == pytest.approx(2.7)
    assert found["difference"] == pytest.approx(-0.4)
    assert found["p"] < 0.05
    assert vocoder.row_of(results, "vocos2d", "vocos2d")["nisqa_mos_pred"]["mean"] == pytest.approx(3.1)
    assert "p" not in vocoder.row_of(results, "vocos2d", "vocos2d")["nisqa_mos_pred"]
    assert vocoder.cells({"nisqa_mos_pred": found}, None)[0].endswith("*")


def test_a_section_is_written_between_its_marks_alone(step: Any, tmp_path: Path) -> None:
    page = step("page")
    page.PAGE = tmp_path / "page.md"
    marks = "<!-- vocoder: written by recipes/ablations/vocoder.py -->\nold\n<!-- end of vocoder -->"
    page.PAGE.write_text(f"before\n{marks}\nafter\n")
    page.write_section("vocoder", ["", "NISQA"], [["Vocos", "3.10"]], ["two seeds"])
    text = page.PAGE.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "Vocos" in text
    assert "- two seeds" in text
    with pytest.raises(EvaluationError, match="has no place for speech_tokenizer"):
        page.write_section("speech_tokenizer", [""], [], [])


def test_a_run_is_copied_and_measured(step: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runs, vocoder = step("runs"), step("vocoder")
    (run,) = runs.runs_of("vocoder", [3], ["vocos2d"])
    assert not run.is_finished
    with pytest.raises(TrainingError, match="No run of WORK/ablations is finished"):
        runs.finished([run], only=True)
    config = run_of("vocoder", write_speech(tmp_path, 20), run.folder)
    Engine(create_task(config)).fit()
    assert run.is_finished
    folder = tmp_path / "spoken"
    folder.mkdir()
    soundfile.write(folder / "one.wav", np.sin(np.arange(12000) / 20), 24000)
    (folder / "index.jsonl").write_text('{"id": "one", "lang": "en", "text": "One."}\n')
    copied = vocoder.copy(run, [folder], 5) / "one.wav"
    assert soundfile.info(copied).frames == 12000
    size = vocoder.size_of(run)
    assert size["parameters"] == sum(parameter.numel() for parameter in run.model().parameters())
    assert size["multiply_adds"] > size["parameters"]
    assert size["real_time_factor"] > 0
