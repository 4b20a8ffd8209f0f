"""A tiny bundle, and runs of reinforcement learning on it."""

from pathlib import Path
from typing import Any

import pytest
import torch

import glmtts.tasks  # noqa: F401, registers what can be trained
from glmtts.training.config import RunConfig
from tests.tiny import tiny_bundle

TEXTS = "en\tGood day to you.\nen\tHow are you?\nzh\t你好世界。\nzh\t今天天气好。\nen\tAll is well.\nzh\t谢谢你们。\n"
WHOLE = {
    "temperature": 1.0,
    "top_p": 1.0,
    "top_k": 1000,
    "repetition_threshold": 2.0,
    "min_ratio": 0.5,
    "max_ratio": 1.5,
}


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)  # what its random policy finds first decides how soon a guard is breached
    return tiny_bundle(tmp_path_factory.mktemp("rl") / "tiny")


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("texts") / "texts.tsv"
    path.write_text(TEXTS, encoding="utf-8")
    return path


@pytest.fixture
def make_run(bundle: Path, texts: Path, tmp_path: Path) -> Any:
    """A function that makes a run's configuration; sections given to it change the usual ones."""

    def make(name: str = "run", task: str = "grpo", **sections: dict[str, Any]) -> RunConfig:
        loss: dict[str, Any] = {"guards": {"bands": {name: {} for name in OFF}}}
        if task == "grpo":
            loss |= {"rewards": {"cer": {}}, "advantages": {"flat": 1e-6}}
        values: dict[str, Any] = {
            "run": {"task": task, "out": tmp_path / name, "precision": "no", "save_every": 2},
            "model": {"bundle": str(bundle)},
            "data": {"texts": [texts], "held_out": 2, "prompts": 2, "answers": 3, "sampling": WHOLE},
            "loss": loss,
            "optimizer": {"learning_rate": 1e-3, "ema_decay": 0.0},
            "schedule": {"steps": 4, "warmup_steps": 0},
            "log": {"every": 1, "evaluate_every": None, "tensorboard": False, "plot": False},
            "distributed": {"workers": 0},
        }
        for section, changes in sections.items():
            values[section] = {**values[section], **changes}
        return RunConfig.parse(values)

    return make


# a random model speaks noise: its figures lie outside of what speech may have
OFF = (
    "tokens_per_phoneme", "entropy", "truncated", "silence", "prompt_copied", "loudness_db", "f0_deviation",
    "similarity",
)  # fmt: skip
