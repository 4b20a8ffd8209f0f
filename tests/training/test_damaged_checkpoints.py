"""Checkpoints with numbers that are none, headers that lie, and states that make no sense: one sentence each."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from glmtts.errors import TrainingError
from glmtts.training import checkpoint
from glmtts.training.weights import trained_weights
from tests.training.made_up import run_of
from tests.training.runs import train


@pytest.fixture
def folder(speech: Path, tmp_path: Path) -> Path:
    """The newest checkpoint of a short run."""
    train(config_of(speech, tmp_path))
    return checkpoint.latest(tmp_path / "run")


def config_of(speech: Path, tmp_path: Path, **sections: Any) -> Any:
    return run_of("lm", speech, tmp_path / "run", **sections)


def rewritten(folder: Path, group: str, change: Any) -> None:
    """Change tensors and places of a group's first file in place."""
    path = sorted(folder.glob(f"{group}-*"))[0]
    with safe_open(str(path), framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dictionary
        places = json.loads(file.metadata()["places"])
    change(tensors, places)
    save_file(tensors, path, metadata={"places": json.dumps(places)})


def one_nan(tensors: dict[str, torch.Tensor], places: dict[str, Any]) -> None:
    name = next(name for name, value in tensors.items() if value.is_floating_point() and value.numel() > 1)
    tensors[name].view(-1)[1] = float("nan")


@pytest.mark.parametrize("group", ["model", "ema", "optimizer"])
def test_numbers_that_are_none_are_told(group: str, folder: Path, speech: Path, tmp_path: Path) -> None:
    rewritten(folder, group, one_nan)
    with pytest.raises(TrainingError, match=r"is damaged: .* numbers that are not finite\. Remove it"):
        train(config_of(speech, tmp_path, schedule={"steps": 9}))
    if group != "optimizer":
        with pytest.raises(TrainingError, match="not finite"):
            trained_weights(tmp_path / "run")


@pytest.mark.parametrize(
    "place",
    [
        [[10**12, 10**6], [0, 0]],
        [[-3, 4], [0, 0]],
        [[10**6, 10**6], [-5, -5]],
        [[4, 4], [10**6, 10**6]],
        ["ab", "cd"],
        [[3], [0]],
        [[True, True], [0, 0]],
        None,
    ],
)
def test_headers_that_lie_are_told(place: Any, folder: Path, speech: Path, tmp_path: Path) -> None:
    def lie(tensors: dict[str, torch.Tensor], places: dict[str, Any]) -> None:
        name = next(name for name, value in tensors.items() if value.ndim == 2)
        places["no such tensor" if place is None else name] = place or places[name]

    rewritten(folder, "model", lie)
    for start in (lambda: trained_weights(tmp_path / "run"), lambda: train(config_of(speech, tmp_path))):
        with pytest.raises(TrainingError, match=r"is no part of a checkpoint|lacks a part of|is of another model"):
            start()


@pytest.mark.parametrize(
    "values",
    [
        {"step": 10**30}, {"step": -1}, {"step": True}, {"step": 1}, {"consumed": float("inf")}, {"consumed": -4},
        {"minutes": float("nan")}, {"minutes": -1e9}, {"minutes": float("inf")}, {"data": 5},
    ],
)  # fmt: skip
def test_states_that_make_no_sense_are_told(values: dict[str, Any], folder: Path, speech: Path, tmp_path: Path) -> None:
    path = folder / checkpoint.STATE_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    with pytest.raises(TrainingError, match=r"does not say (its step|where its run stood)\. Remove it"):
        train(config_of(speech, tmp_path, schedule={"steps": 9}))
