"""Names and paths of a run of reinforcement learning: refused as the configuration is read, before a folder is made."""

from pathlib import Path
from typing import Any

import pytest

import glmtts.tasks  # noqa: F401, registers what can be trained
from glmtts.errors import ConfigError, RlError
from glmtts.rl.prompts import read_lines
from glmtts.training.config import load_config
from glmtts.training.registry import create_task

RUN = '[run]\ntask = "grpo"\nout = "out"\n[data]\ntexts = ["a.tsv"]\n[schedule]\nsteps = 1\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "run.toml").write_text(RUN, encoding="utf-8")
    return tmp_path / "run.toml"


@pytest.mark.parametrize("name", ["a/../../b", "/etc/b", "a\\\\b", "", "a\\nb", "a\\u2028b", "x" * 201, "好" * 70])
def test_a_name_of_a_reward_that_is_no_name_of_a_file_is_refused(name: str, file: Path) -> None:
    with pytest.raises(ConfigError, match="is no name of a reward"):
        create_task(load_config(file, [f'loss.rewards={{"{name}"={{kind="cer"}}}}']))


@pytest.mark.parametrize("name", ["cer", "my reward", "tests.rl.own_rewards:FewTokens", "..", "好听", "x" * 200])
def test_other_names_of_rewards_are_taken(name: str, file: Path) -> None:
    task: Any = create_task(load_config(file, [f'loss.rewards={{"{name}"={{kind="cer"}}}}']))
    assert list(task.config.loss["rewards"]) == [name]


@pytest.mark.parametrize("override", ['loss.rewards={"a\\u0000"={}}', 'data.texts=["a\\u0000"]', "model.bundle=a\0"])
def test_the_character_zero_is_refused_wherever_it_stands(override: str, file: Path) -> None:
    with pytest.raises(ConfigError, match="holds the character zero"):
        load_config(file, [override])


def test_texts_at_a_name_that_no_file_can_have_are_one_sentence() -> None:
    with pytest.raises(RlError, match="cannot be read as texts"):
        read_lines(Path("a\0b.tsv"))
