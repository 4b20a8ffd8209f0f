"""Code that is not ours: wherever a plug-in of another package is started, what it raises is one sentence."""

from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from glmtts import stages
from glmtts.backends import failure_of, foreign
from glmtts.data.pipeline import stage as pipeline
from glmtts.data.pipeline.stage import create_stage
from glmtts.errors import BundleError, ConfigError, EvaluationError, GlmTtsError
from glmtts.eval import scorers, systems
from glmtts.eval.systems import SystemSpec, base
from glmtts.rl.rewards import base as rewards
from glmtts.training import registry
from glmtts.training.config import RunConfig


def failing(*arguments: Any, **options: Any) -> Any:
    """As the class of a plug-in that cannot be made."""
    raise RuntimeError("no licence\nwas found")


class Stage:
    """A stage of a data pipeline that cannot be made."""

    from glmtts.config import StrictConfig as config_class

    __init__ = failing


class Refused(rewards.Reward):
    """A reward that cannot be made."""

    __init__ = failing
    score = failing


def reward() -> object:
    """A reward of a plug-in with no options."""
    return rewards.make_reward("ours", rewards.Context(None), {})


def task() -> object:
    """A training run with the task of a plug-in."""
    return registry.create_task(RunConfig.parse({"run": {"task": "ours", "out": "run"}, "schedule": {"steps": 1}}))


@pytest.mark.parametrize(
    ("module", "target", "start", "kind", "said"),
    [
        (pipeline, "Stage", lambda: create_stage("ours"), ConfigError, "Stage 'ours' cannot be started"),
        (pipeline, "none", lambda: create_stage("ours"), ConfigError, "Stage 'ours' cannot be loaded"),
        (registry, "failing", task, ConfigError, "The task 'ours' cannot be started"),
        (registry, "none", task, ConfigError, "The task 'ours' cannot be started"),
        (
            rewards,
            "Refused",
            lambda: rewards.make_reward("ours", rewards.Context(None), {}),
            ConfigError,
            "The reward 'ours'",
        ),
        (rewards, "none", lambda: rewards.reward_class("ours"), ConfigError, "The reward 'ours' cannot be loaded"),
        (scorers, "failing", lambda: scorers.load("ours"), EvaluationError, "The scorer 'ours' cannot be loaded"),
        (base, "failing", lambda: systems.load(SystemSpec.parse("ours")), EvaluationError, "The system 'ours' cannot"),
        (stages, "none", lambda: stages.architecture("ours"), BundleError, "The plug-in 'ours' cannot be loaded"),
    ],
)
def test_a_plugin_that_fails_is_one_sentence_of_its_area(
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    target: str,
    start: Callable[[], object],
    kind: type[GlmTtsError],
    said: str,
) -> None:
    monkeypatch.setattr(module, "entry_points", lambda group: [EntryPoint("ours", f"{__name__}:{target}", group)])
    with pytest.raises(kind) as told:
        start()
    what = r"RuntimeError: no licence (test_backends.py, line " if target != "none" else "has no attribute 'none'"
    assert str(told.value).startswith(said) and what in str(told.value) and str(told.value).count("\n") == 0
    assert not isinstance(told.value.__cause__, GlmTtsError | None)  # who wrote it needs the traceback


class OutOfMemoryError(RuntimeError):
    """PyTorch's is called so."""


@pytest.mark.parametrize("error", [MemoryError(), OutOfMemoryError("CUDA"), ConfigError("Ours. Correct it.")])
def test_what_says_itself_what_to_do_stays_as_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as told, foreign("It failed", "Mend it.", EvaluationError):
        raise error
    assert told.value is error


def test_the_place_is_told_where_it_helps(tmp_path: Path) -> None:
    with (
        pytest.raises(EvaluationError, match=r"^It failed: KeyError: 'a' \(test_backends\.py, line \d+\)\. Mend it\.$"),
        foreign("It failed", "Mend it.", EvaluationError),
    ):
        _ = {}["a"]
    try:
        import no_such_module  # noqa: F401
    except ImportError as error:
        assert failure_of(error) == "ModuleNotFoundError: No module named 'no_such_module'"
