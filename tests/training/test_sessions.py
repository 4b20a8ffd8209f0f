"""Sessions of a run that end early or badly: nothing of it is lost, nothing is done twice."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import tests.training.toy  # noqa: F401, registers the task
from glmtts.errors import RlError, TrainingError
from glmtts.training import checkpoint
from glmtts.training.config import RunConfig
from glmtts.training.logs import read_rows
from glmtts.training.shards import shards_of
from tests.training.made_up import run_of
from tests.training.runs import KilledError, assert_same, train
from tests.training.toy import ToyTask


def toy(out: Path, **sections: dict[str, Any]) -> RunConfig:
    return run_of("toy", Path(), out, **sections)


def evaluated(run: Path) -> list[dict[str, str]]:
    return read_rows(run / "evaluation.csv")


def raised(error: Exception, method: str = "evaluate") -> Callable[[pytest.MonkeyPatch], None]:
    def fails(*arguments: object) -> None:
        raise error

    return lambda patch: patch.setattr(ToyTask, method, fails)


@pytest.mark.parametrize("every", [4, 100])
def test_a_kill_in_an_evaluation_loses_none(every: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each falls due with a save; of 100 steps it is the last one, which comes at the end of every run."""
    log = {"evaluate_every": every, "sample_every": None}
    train(toy(tmp_path / "whole", log=log))
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        raised(KilledError())(patch)
        train(toy(tmp_path / "broken", log=log))
    train(toy(tmp_path / "broken", log=log))
    assert evaluated(tmp_path / "broken") == evaluated(tmp_path / "whole") != []
    assert_same(tmp_path / "whole", tmp_path / "broken")


def test_a_kill_in_audio_samples_loses_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = {"evaluate_every": None, "sample_every": 4}
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        raised(KilledError(), "samples")(patch)
        train(toy(tmp_path / "run", log=log))
    train(toy(tmp_path / "run", log=log))
    assert [path.name[:8] for path in sorted((tmp_path / "run" / "samples").iterdir())] == ["00000004", "00000008"]


def test_what_a_guard_ends_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = {"evaluate_every": None, "sample_every": None}
    raised(RlError("seen enough"))(monkeypatch)
    with pytest.raises(RlError):
        train(toy(tmp_path / "run", log=log))
    assert checkpoint.latest(tmp_path / "run").name == "step-00000008"


def test_a_finished_run_is_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = toy(tmp_path / "run", run={"keep_last": 1})
    train(config)
    before, rows = checkpoint.latest(tmp_path / "run").stat().st_mtime_ns, evaluated(tmp_path / "run")
    monkeypatch.setattr(checkpoint, "save", lambda *arguments: pytest.fail("saved again"))
    assert train(config).step == 8
    assert checkpoint.latest(tmp_path / "run").stat().st_mtime_ns == before
    assert evaluated(tmp_path / "run") == rows


@pytest.mark.parametrize("killed_at", range(3))
def test_a_killed_replacement_leaves_a_checkpoint(
    killed_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the old one is renamed, between the two, and before the old one is removed."""
    groups = {"model": shards_of(torch.nn.Linear(2, 2))}

    def save(value: int) -> None:
        checkpoint.save(tmp_path, 2, groups, {"value": value}, 0, 1, lambda: None)

    save(1)
    calls, rename, remove = list[str](), Path.rename, checkpoint._remove

    def counted(function: Callable[..., Any], *arguments: Any) -> Any:
        if arguments[0].is_dir() and not (function is remove and arguments[0].suffix == ".part"):
            calls.append(arguments[0].name)
            if len(calls) == killed_at + 1:
                raise KilledError
        return function(*arguments)

    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(Path, "rename", lambda *arguments: counted(rename, *arguments))
        patch.setattr(checkpoint, "_remove", lambda *arguments: counted(remove, *arguments))
        save(2)
    (found,) = checkpoint.checkpoints(tmp_path)
    assert checkpoint.values_of(found)["value"] == (2 if killed_at == 2 else 1)
    checkpoint.load(found, groups)
    save(3)
    checkpoint.keep_last(tmp_path, 1)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000002"]
    assert checkpoint.values_of(checkpoint.latest(tmp_path))["value"] == 3


def test_sessions_of_so_many_steps_come_to_the_end(tmp_path: Path) -> None:
    train(toy(tmp_path / "whole"))
    config = toy(tmp_path / "broken", schedule={"stop_steps": 3})
    ended = [train(config) for _ in range(3)]
    assert [(engine.step, engine.finished) for engine in ended] == [(3, False), (6, False), (8, True)]
    assert_same(tmp_path / "whole", tmp_path / "broken")


def test_a_run_that_never_began_may_begin_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, pytest.raises(TrainingError, match="no dataset"):
        raised(TrainingError("no dataset"), "source")(patch)
        train(toy(tmp_path / "run", data={"rows": 3}))
    train(toy(tmp_path / "run", data={"rows": 4}))
    with pytest.raises(TrainingError, match=r"other values of data\.rows"):
        train(toy(tmp_path / "run", data={"rows": 3}))
