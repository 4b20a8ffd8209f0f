"""The recipes are valid runs of their tasks, and say what the report says."""

import json
import sys
from argparse import Namespace
from importlib import import_module
from pathlib import Path

import pytest
import torch

from glmtts.bundle import Bundle
from glmtts.eval import scorers
from glmtts.rl.rewards.base import reward_class
from glmtts.rl.settings import PolicyLoss
from glmtts.training.config import load_config
from glmtts.training.registry import create_task
from tests.tiny import tiny_bundle

RECIPES = sorted((Path(__file__).parents[2] / "recipes" / "rl").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_valid(path: Path) -> None:
    task = create_task(load_config(path))
    assert task.config.run.task in ("grpo", "diffro")
    if task.config.run.task == "grpo":
        loss = task.section(PolicyLoss)
        assert loss.objective.clip_high.start > loss.objective.clip_low.start
        assert set(loss.advantages.decided_by) == {name for name in loss.rewards if name != "similarity"}


def test_the_full_size_is_the_reports() -> None:
    config = load_config(next(path for path in RECIPES if path.stem == "glm_tts_1.5b"))
    loss = create_task(config).section(PolicyLoss)
    assert (config.optimizer.learning_rate, config.schedule.steps) == (1e-6, 1000)
    assert (loss.objective.clip_low.at(0, 1), loss.objective.clip_high.at(0, 1), loss.objective.kl) == (0.2, 0.3, 0.0)
    assert (loss.objective.clip_low.at(1000, 1), loss.objective.clip_high.at(1000, 1)) == (0.3, 0.5)
    assert set(loss.rewards) == {"cer", "similarity", "emotion", "laughter"}


def test_seeds_are_compared_together_line_by_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs that each mend other lines: together every line is half as wrong."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "recipes" / "rl"))
    measure = import_module("measure")
    names = {"base": [2] * 40, "one": [0, 2] * 20, "two": [2, 0] * 20}
    for name, edits in names.items():
        rows = [
            {"lang": "en", "line": number, "seed": 0, "edits": wrong, "length": 10, "similarity": 0.8}
            | {"seconds": 2.0, "f0_deviation": None, "silence": 0.1}
            for number, wrong in enumerate(edits)
        ]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    given = Namespace(
        base=tmp_path / "base.jsonl", others=[tmp_path / "one.jsonl", tmp_path / "two.jsonl"], result=None
    )
    found = measure.compare(given)
    sys.modules.pop("measure")
    assert found["together"]["all"]["error"] == [0.2, 0.1]
    assert found["together"]["all"]["relative"] == -0.5
    assert found["together"]["all"]["p_error"] == 0
    assert found["one"]["all"]["p_error"] < 0.01


def test_a_bundle_between_two(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "recipes" / "rl"))
    averaged = import_module("averaged").averaged
    sys.modules.pop("averaged")
    torch.manual_seed(1)
    folders = (bundle, tiny_bundle(tmp_path / "other"), tmp_path / "between")
    averaged(Bundle.open(folders[0]), Bundle.open(folders[1]), folders[2], 0.25)
    before, after, between = (Bundle.open(folder).network("lm").state_dict() for folder in folders)
    for name, value in between.items():
        wanted = 0.75 * before[name].float() + 0.25 * after[name].float()
        torch.testing.assert_close(value.float(), wanted, atol=2e-3, rtol=1e-2)
    assert any((before[name] != after[name]).any() for name in before)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_models_that_a_recipe_names_are_known(path: Path) -> None:
    """Found by name where the run begins, which for the full size is on machines that are paid for."""
    for name, reward in load_config(path).loss.get("rewards", {}).items():
        options = reward.get("options", {})
        assert reward_class(reward.get("kind", name))
        named = [options[key] for key in ("classifier", "detector", "name") if key in options]
        assert set(named) <= set(scorers.names())
