"""A run goes on with the texts that it began with, and with no others."""

import json
from pathlib import Path
from typing import Any

import pytest

from glmtts.errors import TrainingError
from glmtts.training import checkpoint
from tests.rl.conftest import TEXTS
from tests.training.runs import train

pytestmark = pytest.mark.long


@pytest.fixture
def begun(make_run: Any, tmp_path: Path) -> tuple[Any, Path]:
    """A run that stopped after its first step, as it goes on, and its texts."""
    texts = tmp_path / "own.tsv"
    texts.write_text(TEXTS, encoding="utf-8")
    sections: dict[str, Any] = {
        "task": "diffro",
        "data": {"texts": [texts], "prompts": 1, "answers": 2},
        "run": {"save_every": 1},
    }
    short = {"steps": 2, "warmup_steps": 0}
    train(make_run("run", schedule={**short, "stop_steps": 1}, **sections))
    return make_run("run", schedule=short, **sections), texts


@pytest.mark.parametrize(
    "changed",
    [
        TEXTS + "en\tOne more line.\n",
        TEXTS.replace("en\tHow are you?\n", ""),
        TEXTS.replace("All is", "All was"),
        "".join(sorted(TEXTS.splitlines(keepends=True))),  # they are drawn by their places
    ],
)
def test_a_run_does_not_go_on_with_other_texts(changed: str, begun: tuple[Any, Path]) -> None:
    config, texts = begun
    texts.write_text(changed, encoding="utf-8")
    with pytest.raises(TrainingError, match=r"texts in data\.texts are not those"):
        train(config)
    texts.write_text(TEXTS + "en\tAbc\n" + TEXTS, encoding="utf-8")  # too short a line, and each twice: the same texts
    assert train(config).step == 2


def test_a_run_of_an_earlier_version_goes_on(begun: tuple[Any, Path]) -> None:
    """Its checkpoints say nothing of texts; those that it writes now do."""
    config, texts = begun
    state = checkpoint.latest(config.run.out) / "state.json"
    values = json.loads(state.read_text())
    assert len(values["data"]["texts"]) == 64
    state.write_text(json.dumps({**values, "data": {}}))
    texts.write_text(TEXTS + "en\tOne more line.\n", encoding="utf-8")
    assert train(config).step == 2
    assert "texts" in checkpoint.values_of(checkpoint.latest(config.run.out))["data"]
